package server

import (
	"net/http"
	"path"
	"strings"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/fair"
)

// bodyTimeout bounds the time in which a body that no handler expects must arrive. net/http reads it
// before it sends the answer, and a client that never sends it would hold the connection.
const bodyTimeout = time.Second

// maxPath exceeds the length of any path that has a route: the longest hold two identifiers.
const maxPath = 4 << 10

// front is the middleware of all routes: it sets security headers, finds the address of clients behind
// proxies, bounds the time for bodies, and refuses paths that no route can have.
func (s *Server) front(next http.Handler) http.Handler {
	proxies := newProxies(s.Config.Server.TrustedProxies)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		setSecurityHeaders(w.Header())
		r = proxies.certificates(r, s.Config.Server.ForwardedClientCert)
		if address, ok := proxies.client(r); ok {
			r.RemoteAddr = address
		}
		r = r.WithContext(fair.WithAddress(r.Context(), fair.Address(r.RemoteAddr)))
		if r.ContentLength != 0 {
			_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(bodyTimeout)) // where there is a connection
		}
		if len(r.URL.Path) > maxPath || !isClean(r.URL.EscapedPath()) {
			notFound(w, r)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// setSecurityHeaders sets the headers that suit every answer. Handlers may change them. There is no
// Strict-Transport-Security: a browser would apply it to all ports of the host, where the plain listener,
// the management listener and others may be.
func setSecurityHeaders(h http.Header) {
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
}

// isClean tells whether a path is in its shortest form. ServeMux redirects other paths to that form. No
// WebSocket client follows the redirect, and its body is not JSON as that of all errors is.
func isClean(escaped string) bool {
	clean := path.Clean(escaped)
	return escaped == clean || escaped == clean+"/" && !strings.HasSuffix(clean, "/")
}
