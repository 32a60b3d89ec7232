package server

import (
	"net/http"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/auth"
)

// certificates marks the requests of trusted proxies, whose forwarded client certificate is believed. The
// authenticator ignores the header in requests without this mark, which nothing else sets.
func (p proxies) certificates(r *http.Request, header string) *http.Request {
	if header == "" {
		return r
	}
	if peer, known := parseAddress(r.RemoteAddr); known && p.trust(peer) {
		return auth.FromTrustedProxy(r)
	}
	return r
}
