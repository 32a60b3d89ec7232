package browser

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	cdppage "github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
)

// typeScriptClient returns the folder of the TypeScript client, built.
func typeScriptClient(t *testing.T) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, "../clients/install", "typescript")
	var reason strings.Builder
	cmd.Stderr = &reason
	out, err := cmd.Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.ExitCode() == 3 && os.Getenv("REQUIRE_ALL") != "1" {
		t.Skip(reason.String())
	}
	if err != nil {
		t.Fatalf("building the client: %v\n%s", err, reason.String())
	}
	return strings.TrimSpace(string(out))
}

// examplePages serves the pages of test/examples beside the client.
func examplePages(t *testing.T) *httptest.Server {
	t.Helper()
	client := filepath.Join(typeScriptClient(t), "dist", "wsproxy-client.min.js")
	routes := http.NewServeMux()
	routes.Handle("/", http.FileServer(http.Dir("../examples")))
	routes.HandleFunc("/wsproxy-client.min.js", func(w http.ResponseWriter, r *http.Request) { http.ServeFile(w, r, client) })
	s := httptest.NewServer(routes)
	t.Cleanup(s.Close)
	return s
}

// await waits until a page shows what is wanted.
func await[T any](p *live, what, expression string, holds func(T) bool) {
	p.t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	var got T
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); <-tick.C {
		if got = evaluate[T](p, expression); holds(got) {
			return
		}
	}
	p.t.Fatalf("waiting for %s, the page shows %v", what, got)
}

// shown has prices as a page shows them, in the elements that a selector finds.
func shown(selector string) string {
	return `Object.fromEntries([...document.querySelectorAll(` + "`" + selector + "`" + `)].map(({ children: [key, value] }) => [key.textContent, value.textContent]))`
}

func TestExamplePageShowsPrices(t *testing.T) {
	browser, home, kafka := launch(t), examplePages(t), broker(t)
	prices := newPrices(t, kafka, 50)
	a := startOn(t, kafka, "ALLOWED_ORIGINS="+home.URL)
	p := &live{t, browser}
	named := prices.names[:3]
	p.open(home.URL + "/prices.html?topic=prices&proxy=" + url.QueryEscape("ws://"+a.Addr()) + "&keys=" + strings.Join(named, ","))
	awaitPrices := func() {
		t.Helper()
		want := prices.newest()
		maps.DeleteFunc(want, func(name, _ string) bool { return name != named[0] && name != named[1] && name != named[2] })
		await(p, "the prices that were named", shown("#prices tr"), func(got map[string]string) bool { return maps.Equal(got, want) })
	}
	awaitPrices()
	prices.move(500, 300*time.Millisecond)
	awaitPrices()
	for _, value := range []string{"no JSON", `{"price":"dear"}`, "null"} {
		prices.write(&kgo.Record{Key: []byte(named[0]), Value: []byte(value)})
		await(p, "no price for "+value, shown("#prices tr"), func(got map[string]string) bool { return got[named[0]] == "–" })
		prices.set(named[0], 1234)
		awaitPrices()
	}
}

// TestExampleDashboardTellsWhatIsOld since the proxy is gone, and why it shows nothing.
func TestExampleDashboardTellsWhatIsOld(t *testing.T) {
	browser, home, kafka := launch(t), examplePages(t), broker(t, kfake.SeedTopics(1, "orders"))
	newPrices(t, kafka, 5)
	a := startOn(t, kafka, "ALLOWED_ORIGINS="+home.URL)
	p := &live{t, browser}
	open := func(topic string) {
		p.open(home.URL + "/dashboard.html?topic=" + topic + "&proxy=" + url.QueryEscape("ws://"+a.Addr()))
	}
	says := func(text string) {
		t.Helper()
		await(p, text, "total.textContent", func(got string) bool { return strings.Contains(got, text) })
	}
	isOld := func(want bool) {
		t.Helper()
		await(p, "what is old to be told", "cells.className", func(got string) bool { return (got == "old") == want })
	}
	open("orders")
	says("cleanup.policy")
	open("prices")
	says("5 keys")
	isOld(false)
	a.Shutdown()
	isOld(true)
}

// TestExampleDashboardShowsASnapshot has the tab suspended meanwhile, as browsers do with those that nobody sees.
func TestExampleDashboardShowsASnapshot(t *testing.T) {
	browser, home, kafka := launch(t), examplePages(t), broker(t)
	prices := newPrices(t, kafka, 50)
	a := startOn(t, kafka, "ALLOWED_ORIGINS="+home.URL)
	p := &live{t, browser}
	p.open(home.URL + "/dashboard.html?topic=prices&proxy=" + url.QueryEscape("ws://"+a.Addr()))
	awaitPrices := func() {
		t.Helper()
		want := prices.newest()
		await(p, "all prices", shown("#cells div"), func(got map[string]string) bool { return maps.Equal(got, want) })
	}
	awaitPrices()
	p.lifecycle(cdppage.SetWebLifecycleStateStateFrozen)
	prices.move(2000, 500*time.Millisecond)
	prices.remove(prices.names[0])
	prices.flush()
	p.lifecycle(cdppage.SetWebLifecycleStateStateActive)
	awaitPrices()
}

// lifecycle suspends the tab, or wakes it.
func (p *live) lifecycle(state cdppage.SetWebLifecycleStateState) {
	p.t.Helper()
	change := chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		_, err := cdp.Call(ctx, target, cdppage.SetWebLifecycleState, cdppage.SetWebLifecycleStateParams{State: state})
		return err
	})
	if err := chromedp.Do(p.browser, change); err != nil {
		p.t.Fatal(err)
	}
}

func TestExampleFormProduces(t *testing.T) {
	browser, home := launch(t), examplePages(t)
	kafka := broker(t, kfake.SeedTopics(1, "orders"))
	a := startOn(t, kafka, "ALLOWED_ORIGINS="+home.URL)
	p := &live{t, browser}
	p.open(home.URL + "/form.html?topic=orders&proxy=" + url.QueryEscape("ws://"+a.Addr()))
	order := func(item string) {
		t.Helper()
		p.do(`form.customer.value = "alice"; form.item.value = ` + toJSON(t, item) + `; form.requestSubmit()`)
	}
	lines := func(want ...string) {
		t.Helper()
		await(p, "the orders", `[...orders.children].map((line) => line.textContent)`, func(got []string) bool {
			return strings.Join(got, "\n") == strings.Join(want, "\n")
		})
	}
	await(p, "the page", "typeof form?.onsubmit", func(kind string) bool { return kind == "function" })
	order("tea")
	lines("tea: taken, as number 0")
	order(strings.Repeat("m", 1<<20))
	await(p, "what is too long to be refused", `document.querySelector(".failed")?.textContent ?? ""`, func(got string) bool {
		return strings.Contains(got, "longer than maxMessageBytes")
	})
}
