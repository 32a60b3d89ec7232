package server

import "net/http"

// preflightSeconds is how long a browser may cache the answer to a preflight request.
const preflightSeconds = "600"

// forPages is the CORS middleware of small endpoints: pages of allowed origins may read them
// (https://fetch.spec.whatwg.org/, "CORS protocol"). Pages must send credentials themselves: those that a
// browser stores are not allowed.
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
			serveGet.ServeHTTP(w, r) // a browser hides the answer from a page whose origin the answer does not name
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

// isPreflight tells whether a request is a CORS preflight.
func isPreflight(r *http.Request) bool {
	return r.Method == http.MethodOptions && r.Header.Get("Access-Control-Request-Method") != ""
}
