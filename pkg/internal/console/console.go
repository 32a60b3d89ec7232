// Package console serves the page of the web console. The page is embedded as it lies in the folder page: ECMAScript
// modules and a style sheet, which nothing builds. When the handler is made, each file is prepared once: without the comments of modules,
// compressed, and with its ETag. The page holds no secrets. All that it shows it asks of the public interfaces, with the credentials that the
// browser has: the admin API, the metrics and the sockets.
//
// # What must hold
//
//   - Nothing that comes from Kafka, clients or a URL becomes markup or script: the page makes text nodes alone, and
//     its Content-Security-Policy refuses scripts and styles in the markup, scripts of other origins, and strings
//     as HTML.
//   - No page shows it in a frame.
//   - It weighs at most 64 KB on its way to browsers, which take it compressed, and its sources 200 KB.
package console

import (
	"cmp"
	"embed"
	"encoding/json"
	"net/http"
	"path"
	"strings"
)

// Root is the path of the console.
const Root = "/console/"

// policy is the Content-Security-Policy of the page. Sockets of its own host are 'self' too
// (https://www.w3.org/TR/CSP3/, section 6.7.2.8).
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"

//go:embed page
var page embed.FS

// Clients is where clients reach this replica, as far as the replica knows.
type Clients struct {
	Port   int    `json:"port"`
	TLS    bool   `json:"tls"`
	Prefix string `json:"prefix"`
}

// Options are what the page must know beyond what it can ask for.
type Options struct {
	Replica  string
	Download bool // whether the page offers to download records
	Clients  Clients
	// Who returns the administrator who makes a request, as the log names it.
	Who func(*http.Request) string
	// NotFound answers requests for what is not there.
	NotFound http.HandlerFunc
}

// settings is what the page is told as /console/settings.json.
type settings struct {
	Replica       string  `json:"replica"`
	Download      bool    `json:"download"`
	Clients       Clients `json:"clients"`
	Administrator string  `json:"administrator"`
}

// Handler prepares the page, and serves GET and HEAD of what lies below Root, which is for administrators: the caller sees to that.
func Handler(o Options) http.Handler {
	files := prepare()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		name := cmp.Or(strings.TrimPrefix(r.URL.Path, Root), "index.html")
		if name == "settings.json" {
			h.Set("Content-Type", "application/json")
			_ = json.NewEncoder(w).Encode(settings{o.Replica, o.Download, o.Clients, o.Who(r)}) // to a client that has disconnected
			return
		}
		one, is := files[name]
		if !is {
			o.NotFound(w, r)
			return
		}
		one.serve(w, r)
	})
}

// serve answers with a file, compressed for who takes that, or that the browser has it (RFC 9110, sections 8.8.3 and 12.5.3).
func (f *file) serve(w http.ResponseWriter, r *http.Request) {
	h, sent := w.Header(), &f.plain
	h.Set("Vary", "Accept-Encoding")
	if takesGzip(r) {
		h.Set("Content-Encoding", "gzip")
		sent = &f.small
	}
	h.Set("Cache-Control", "no-cache") // browsers ask whether it has changed
	h.Set("ETag", sent.tag)
	if r.Header.Get("If-None-Match") == sent.tag {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	h.Set("Content-Type", f.mediaType)
	_, _ = w.Write(sent.content) // to a client that may have disconnected
}

// mediaType returns the type of a file by its name, whatever the types that the machine knows.
func mediaType(name string) string {
	switch path.Ext(name) {
	case ".js":
		return "text/javascript; charset=utf-8"
	case ".css":
		return "text/css; charset=utf-8"
	case ".html":
		return "text/html; charset=utf-8"
	case ".svg":
		return "image/svg+xml"
	default:
		return "text/plain; charset=utf-8"
	}
}
