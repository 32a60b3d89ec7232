package server

import (
	"net/http"
	"net/url"
	"strings"
)

// handleEach registers a handler for the paths that have one segment after the prefix.
func handleEach(mux *http.ServeMux, prefix, parameter string, handler http.Handler) {
	handleBelow(mux, prefix, map[string]http.Handler{"{" + parameter + "}": handler})
}

// handleBelow registers handlers for templates of paths below a prefix. A segment {name} of a template
// matches any segment that is not empty, whatever it holds once unescaped: ServeMux takes an escaped
// slash alone for the end of a path.
func handleBelow(mux *http.ServeMux, prefix string, handlers map[string]http.Handler) {
	mux.HandleFunc(prefix, func(w http.ResponseWriter, r *http.Request) {
		segments := strings.Split(strings.TrimPrefix(r.URL.EscapedPath(), prefix), "/")
		for template, handler := range handlers {
			if values := matchSegments(strings.Split(template, "/"), segments); values != nil {
				for name, value := range values {
					r.SetPathValue(name, value)
				}
				handler.ServeHTTP(w, r)
				return
			}
		}
		notFound(w, r)
	})
}

// matchSegments returns the values of a template's parameters in a path, or nil if the path does not
// match.
func matchSegments(template, segments []string) map[string]string {
	if len(template) != len(segments) {
		return nil
	}
	values := make(map[string]string)
	for i, want := range template {
		if !strings.HasPrefix(want, "{") {
			if want != segments[i] {
				return nil
			}
			continue
		}
		value, err := url.PathUnescape(segments[i])
		if err != nil || value == "" {
			return nil
		}
		values[strings.Trim(want, "{}")] = value
	}
	return values
}
