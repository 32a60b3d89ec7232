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

// below serves the routes at their own paths, and under a prefix too. A mux of its own serves those under
// the prefix, and does not know the prefix: otherwise a path that repeats the prefix a thousand times
// would be copied and matched a thousand times before the client has authenticated.
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
