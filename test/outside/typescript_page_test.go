package outside

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/wsproxy/kafka-websocket-proxy/test/browser/chromium"
)

// site serves testdata/typescript.html, and what it needs.
type site struct {
	*httptest.Server

	routes *http.ServeMux
}

func newSite(t testing.TB) *site {
	t.Helper()
	client := filepath.Join(installed(t, "typescript"), "dist", "wsproxy-client.min.js")
	routes := http.NewServeMux()
	routes.Handle("/", http.FileServer(http.Dir("testdata")))
	routes.HandleFunc("/wsproxy-client.min.js", func(w http.ResponseWriter, r *http.Request) { http.ServeFile(w, r, client) })
	s := httptest.NewServer(routes)
	t.Cleanup(s.Close)
	return &site{s, routes}
}

// inPage has the client do in Chromium what inNode has it do in Node, for as long as a limit at most.
func (s *site) inPage(t testing.TB, what use, limit time.Duration) (*scripted, *pageScript) {
	t.Helper()
	page := &pageScript{t, chromium.Launch(t, limit)}
	must(t, chromedp.Do(page.browser, chromedp.Navigate(s.URL+"/typescript.html?options="+url.QueryEscape(what.String()))))
	await(t, "the page to begin", func() bool { return evaluate[bool](page, `"used" in window`) })
	return newScripted(t, what.Topic, page), page
}

// pageScript is uses.mjs in a page.
type pageScript struct {
	t       testing.TB
	browser context.Context
}

func (p *pageScript) printed() string {
	p.t.Helper()
	return evaluate[string](p, `lines.splice(0).join("")`)
}

func (p *pageScript) stop() {
	p.t.Helper()
	evaluate[bool](p, "used.stop(); true")
}

func (p *pageScript) end() {
	p.t.Helper()
	evaluate[bool](p, "used.close().then(() => true)", chromedp.EvalAwaitPromise)
}

func evaluate[T any](p *pageScript, expression string, options ...chromedp.EvaluateOption) T {
	p.t.Helper()
	result, err := chromedp.Run(p.browser, chromedp.Evaluate[T](expression, options...))
	must(p.t, err)
	return result
}
