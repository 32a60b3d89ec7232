package server

import (
	"net/http"
	"path"
	"strings"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/fair"
)

// bodyTimeout is what a body has for coming that nobody asked for. net/http reads it before it sends the
// answer, and a sender who never sends it would hold the connection.
const bodyTimeout = time.Second

// maxPath is longer than any path that leads somewhere: the longest hold two identifiers.
const maxPath = 4 << 10

// front is what comes before every route: the headers that keep browsers from making more of an
// answer than it is, the address of clients behind proxies, a short time for bodies, and paths that are
// none of the proxy's.
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

// setSecurityHeaders sets what fits every answer. Handlers may change it. There is no
// Strict-Transport-Security: a browser would apply it to all ports of the host, where the plain
// listener, the management listener and others may be.
func setSecurityHeaders(h http.Header) {
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
}

// isClean tells whether a path is in its shortest form. ServeMux redirects to that form, which no
// WebSocket client follows, and which is not the JSON that all errors are.
func isClean(escaped string) bool {
	clean := path.Clean(escaped)
	return escaped == clean || escaped == clean+"/" && !strings.HasSuffix(clean, "/")
}
