package server

import "net/http"

// preflightSeconds is how long a browser remembers what it may ask for.
const preflightSeconds = "600"

// forPages serves a small endpoint to pages too, those of allowed origins (https://fetch.spec.whatwg.org/,
// "CORS protocol"). Pages bring credentials themselves: those that a browser keeps do not count.
func (s *Server) forPages(serve http.HandlerFunc) http.Handler {
	serveGet := get(serve)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Add("Vary", "Origin")
		origin := r.Header.Get("Origin")
		if origin == "" {
			serveGet.ServeHTTP(w, r)
			return
		}
		refused := s.checkOrigin(r)
		if refused == nil {
			h.Set("Access-Control-Allow-Origin", origin)
			h.Set("Access-Control-Expose-Headers", "Retry-After, WWW-Authenticate")
		}
		switch {
		case !isPreflight(r):
			serveGet.ServeHTTP(w, r) // a browser keeps the answer from a page whose origin it does not name
		case refused != nil:
			writeError(w, refused)
		default:
			h.Set("Access-Control-Allow-Methods", "GET, HEAD")
			h.Set("Access-Control-Allow-Headers", "Authorization")
			h.Set("Access-Control-Max-Age", preflightSeconds)
			w.WriteHeader(http.StatusNoContent)
		}
	})
}

// isPreflight tells whether a browser asks whether a page may ask.
func isPreflight(r *http.Request) bool {
	return r.Method == http.MethodOptions && r.Header.Get("Access-Control-Request-Method") != ""
}
