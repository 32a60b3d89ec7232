package cluster

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net/http"
	"sync/atomic"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/config"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/reread"
)

// tokenTransport sends the requests to the token endpoint. It verifies the endpoint's certificate with
// CAs that can be replaced.
type tokenTransport struct {
	current atomic.Pointer[http.Transport]
	files   *reread.Files // nil if the system's CAs are used
}

// newTokenTransport reads the CAs. The error is a *FileError.
func newTokenTransport(settings *config.Kafka, env Environment) (*tokenTransport, error) {
	t := new(tokenTransport)
	t.use(nil)
	if settings.SASLOAuthCAFile == "" {
		return t, nil
	}
	variable := config.Prefix + "KAFKA_SASL_OAUTH_CA_FILE"
	files, err := reread.Open(reread.Options{
		Paths: []string{settings.SASLOAuthCAFile}, Use: t.useCAs,
		Failed: func() { env.Metrics.ReloadErrors(variable).Inc() }, Log: env.Log,
	})
	if err != nil {
		return nil, &FileError{variable, err}
	}
	t.files = files
	return t, nil
}

func (t *tokenTransport) useCAs(contents [][]byte) error {
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(contents[0]) {
		return errors.New("holds no certificate in PEM")
	}
	t.use(roots)
	return nil
}

// use sets the CAs for further requests; if roots is nil, the system's are used.
func (t *tokenTransport) use(roots *x509.CertPool) {
	before := t.current.Swap(&http.Transport{
		Proxy: http.ProxyFromEnvironment, ForceAttemptHTTP2: true,
		TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
	})
	if before != nil {
		before.CloseIdleConnections()
	}
}

// watch keeps the CAs up to date until ctx ends.
func (t *tokenTransport) watch(ctx context.Context) {
	if t.files != nil {
		t.files.Watch(ctx)
	}
}

// RoundTrip implements http.RoundTripper.
func (t *tokenTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	return t.current.Load().RoundTrip(r)
}

// CloseIdleConnections is called by http.Client.
func (t *tokenTransport) CloseIdleConnections() { t.current.Load().CloseIdleConnections() }
