package server

import (
	"net/http"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/auth"
)

// certificates has the client certificate believed that a trusted proxy forwards. Of anybody else the
// headers mean nothing: whoever authenticates asks for the mark that only this sets.
func (p proxies) certificates(r *http.Request, header string) *http.Request {
	if header == "" {
		return r
	}
	if peer, known := parseAddress(r.RemoteAddr); known && p.trust(peer) {
		return auth.FromTrustedProxy(r)
	}
	return r
}
