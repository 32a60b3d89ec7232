package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/url"
	"time"
)

const (
	// roundTimeout bounds a round: nothing takes that long unless it hangs.
	roundTimeout = 2 * time.Minute
	// readBuffer is for links that read much, and idleBuffer for those of which there are many.
	readBuffer = 256 << 10
	idleBuffer = 4 << 10
)

// extensions is the header by which compression is negotiated, and deflateOffer what a client offers (RFC 7692).
const (
	extensions   = "Sec-WebSocket-Extensions"
	deflateOffer = "permessage-deflate; client_no_context_takeover"
)

// endpoint is where the proxy listens.
type endpoint struct {
	addr string
	tls  *tls.Config // nil without TLS
}

// target is what a link is opened to.
type target struct {
	endpoint
	path    string
	query   url.Values
	op      byte          // of the messages that are expected
	buffer  int           // bytes
	deflate bool          // messages are to come compressed
	life    time.Duration // after which the link ends, come what may
}

// withClient returns the target with another clientId.
func (t target) withClient(n int) target {
	t.query = maps.Clone(t.query)
	t.query.Set("clientId", fmt.Sprintf("bench-%d", n))
	return t
}

// open connects to the proxy. The end of ctx cuts the link.
func open(ctx context.Context, to target) (*link, error) {
	conn, err := to.dial(ctx)
	if err != nil {
		return nil, fmt.Errorf("connecting to the proxy: %w", err)
	}
	l := newLink(ctx, conn, to.buffer, to.op)
	if err := l.handshake(ctx, to); err != nil {
		l.cut()
		return nil, fmt.Errorf("opening %s: %w", to.path, err)
	}
	return l, nil
}

func (e endpoint) dial(ctx context.Context) (net.Conn, error) {
	if e.tls != nil {
		return (&tls.Dialer{Config: e.tls}).DialContext(ctx, "tcp", e.addr)
	}
	return (&net.Dialer{}).DialContext(ctx, "tcp", e.addr)
}

func (l *link) handshake(ctx context.Context, to target) error {
	if err := l.conn.SetDeadline(time.Now().Add(to.life)); err != nil {
		return err
	}
	address := url.URL{Scheme: "http", Host: to.addr, Path: to.path, RawQuery: to.query.Encode()}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address.String(), nil)
	if err != nil {
		return err
	}
	request.Header.Set("Connection", "Upgrade")
	request.Header.Set("Upgrade", "websocket")
	request.Header.Set("Sec-WebSocket-Version", "13")
	request.Header.Set("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")
	if to.deflate {
		request.Header.Set(extensions, deflateOffer)
	}
	if err := request.Write(l.conn); err != nil {
		return err
	}
	response, err := http.ReadResponse(l.in, request)
	if err != nil {
		return err
	}
	if response.StatusCode != http.StatusSwitchingProtocols {
		var body bytes.Buffer
		_, _ = body.ReadFrom(response.Body)
		response.Body.Close()
		return fmt.Errorf("%s: %s", response.Status, body.Bytes())
	}
	if to.deflate && response.Header.Get(extensions) == "" {
		return errors.New("the proxy does not compress")
	}
	return nil
}
