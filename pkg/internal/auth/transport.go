package auth

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"sync/atomic"
)

// Transport makes the requests to a provider, whose certificate is checked by CAs that can be replaced.
type Transport struct {
	current atomic.Pointer[http.Transport]
}

// NewTransport returns a transport that trusts the CAs of the system, until Use.
func NewTransport() *Transport {
	t := new(Transport)
	t.current.Store(boundedTransport(nil))
	return t
}

// Use replaces the CAs by those in the content of a PEM file. If it holds none, the previous ones stay in
// force.
func (t *Transport) Use(contents [][]byte) error {
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(contents[0]) {
		return errors.New("the file holds no certificate in PEM")
	}
	t.current.Store(boundedTransport(roots))
	return nil
}

// RoundTrip implements http.RoundTripper.
func (t *Transport) RoundTrip(r *http.Request) (*http.Response, error) {
	return t.current.Load().RoundTrip(r)
}

// boundedTransport keeps no connection alive: there are only two requests in an interval, and a
// connection would outlive the CAs that verified it.
func boundedTransport(roots *x509.CertPool) *http.Transport {
	return &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            (&net.Dialer{Timeout: refreshTimeout}).DialContext,
		TLSClientConfig:        &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
		DisableKeepAlives:      true,
		TLSHandshakeTimeout:    refreshTimeout,
		ResponseHeaderTimeout:  refreshTimeout,
		MaxResponseHeaderBytes: maxDocument,
	}
}
