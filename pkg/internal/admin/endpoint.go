// Package admin implements the endpoints of the admin API. Package server has its routes, its
// authentication, and the form of its answers and errors.
package admin

import (
	"io"
	"net/http"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/clientcfg"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

const (
	// MaxBody is the longest body of a request that sets limits, in bytes.
	MaxBody = 64 << 10
	// readOn is how much of a body that is too long is still read, in bytes: a client that is still
	// sending when the connection is closed may never see the answer.
	readOn = 32 << 20
)

// Endpoint answers a request with an object for JSON. An error is, or wraps, a *proxy.Error
// where the client is to know more than that the proxy failed.
type Endpoint func(r *http.Request) (any, error)

// none is the answer to a removal.
type none struct{}

// body reads the body of a request, of up to most bytes.
func body(r *http.Request, most int64) ([]byte, error) {
	text, err := io.ReadAll(io.LimitReader(r.Body, most+1))
	if err != nil {
		return nil, proxy.Wrap(err, proxy.KindInvalidJSON, "The body did not arrive whole.")
	}
	if int64(len(text)) > most {
		_, _ = io.CopyN(io.Discard, r.Body, readOn)
		return nil, proxy.Errorf(proxy.KindMessageTooLarge, "The body is longer than %d bytes.", most)
	}
	return text, nil
}

// pathID returns the id of a group or client in the path, unescaped.
func pathID(r *http.Request, parameter string) (string, error) {
	id := r.PathValue(parameter)
	if wrong := clientcfg.CheckID(id); wrong != "" {
		return "", proxy.Errorf(proxy.KindInvalidParameter, "%s: %s.", parameter, wrong)
	}
	return id, nil
}
