package browser

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
)

// signInProxy stands before a management listener, as an identity-aware proxy does: who opens the console is signed in, with a
// token that expires. The files of the page come all the same.
type signInProxy struct {
	sign  func(time.Duration) string
	lasts atomic.Int64 // nanoseconds, of the next token
	token atomic.Value // string
}

// start serves it before the listener at an address, and returns its own.
func (p *signInProxy) start(t *testing.T, address string) string {
	t.Helper()
	forward := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(&url.URL{Scheme: "http", Host: address})
		r.Out.Host = r.In.Host
		token, _ := p.token.Load().(string)
		if strings.HasPrefix(r.In.URL.Path, "/console/") {
			token = p.sign(time.Hour)
		}
		r.Out.Header.Set("Authorization", "Bearer "+token)
	}}
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Sec-Fetch-Mode") == "navigate" {
			p.token.Store(p.sign(time.Duration(p.lasts.Load())))
		}
		forward.ServeHTTP(w, r)
	}))
	t.Cleanup(front.Close)
	return front.URL
}

// consoleOutlivesItsCredentials has the token of an administrator expire while records are followed. The page says so and keeps
// what it shows and what was typed, and goes on when another tab has signed in: with the record that was written meanwhile.
func consoleOutlivesItsCredentials(browser context.Context, t *testing.T) {
	t.Helper()
	issuer, sign := newIssuer(t)
	policy := filepath.Join(t.TempDir(), "policy.yaml")
	if err := os.WriteFile(policy, []byte("rules:\n  - subjects: [alice]\n    admin: true\n    consume: ['*']\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	kafka := broker(t, kfake.SeedTopics(1, "t"))
	write(t, kafka, &kgo.Record{Value: []byte("one")})
	a := startOn(t, kafka, consoleSettings("OPENID_ENABLED=true", "OPENID_AUDIENCE=wsproxy",
		"OPENID_WELLKNOWN="+issuer+"/.well-known/openid-configuration", "AUTHZ_POLICY_FILE="+policy)...)
	front := signInProxy{sign: sign}
	c := openConsole(browser, t, front.start(t, a.AdminAddr()))
	c.look(1280, "light")
	const signedOut = "document.querySelector('.signin')"
	for lasts := 4 * time.Second; ; lasts *= 4 { // on a busy machine the page takes longer
		front.lasts.Store(int64(lasts))
		c.do(chromedp.Navigate(c.address + "/console/#/topics/t"))
		c.do(chromedp.Reload())
		c.awaits("the record, or the token's end", rows+" === 1 || "+signedOut)
		if eval[bool](c, rows+" === 1") {
			break
		}
	}
	c.fill("Key begins with", "typed")
	c.awaitsText("You are signed out")
	for _, look := range consoleLooks() {
		c.look(look.width, look.theme)
		c.picture("signed-out-" + look.theme + "-" + toJSON(t, look.width))
	}
	c.awaits("what was shown", rows+" === 1")
	write(t, kafka, &kgo.Record{Value: []byte("two")})
	front.lasts.Store(int64(time.Hour))
	c.awaits("way to sign in", "(() => { const a = document.querySelector('.signin a'); a?.click(); return a; })()")
	c.awaits("the end of the notice", "!"+signedOut)
	c.awaits("both records", rows+" === 2")
	c.awaitsText("connected")
	c.awaits("what was typed", `[...document.querySelectorAll("main input")].some((i) => i.value === "typed")`)
	c.errors() // the browser tells of each request that was refused
}
