package server

import (
	"net/http"
	"strings"
)

// routes are handlers by their path.
type routes map[string]http.Handler

func (r routes) mux() *http.ServeMux {
	mux := http.NewServeMux()
	for path, handler := range r {
		mux.Handle(path, handler)
	}
	return mux
}

// below serves the routes where they are, and under a prefix too. What is under the prefix is a mux of
// its own, which does not know the prefix: a path that repeats it a thousand times would otherwise be
// copied and matched a thousand times before anybody has authenticated.
func (r routes) below(prefix string) http.Handler {
	outer := r.mux()
	if prefix == "" {
		return outer
	}
	if r[prefix] == nil {
		outer.HandleFunc(prefix, notFound) // ServeMux would redirect to the path with a slash
	}
	outer.Handle(prefix+"/", http.StripPrefix(strings.TrimSuffix(prefix, "/"), r.mux()))
	return outer
}
