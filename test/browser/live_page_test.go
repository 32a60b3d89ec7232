package browser

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// picture is the environment variable with the file for a picture of the page at work, as docs/images has it:
//
//	LIVE_PAGE_PICTURE=$PWD/docs/images/live-table.png go test ./test/browser -run LivePage
const picture = "LIVE_PAGE_PICTURE"

// creditOfThePage is how many records may wait in the page. It is in testdata/live-table.html.
const creditOfThePage = 1000

// measured is how a page gets on.
type measured struct {
	Frames  int     // drawn
	Longest float64 // time between two, in ms
	Records int     // in them
	Turns   int     // of a thread beside the page that does nothing, 60 a second where the machine lets it run
}

// measuring looks at the page whenever it draws. While it is hidden it draws no frames, as in a tab that nobody sees.
const measuring = `
	const measured = {};
	new Worker(URL.createObjectURL(new Blob(["setInterval(postMessage, 1000 / 60, 0)"]))).onmessage = () => measured.Turns++;
	let last;
	let hidden = false;
	const theirs = draw;
	draw = () => {
		if (hidden) return;
		const now = performance.now();
		measured.Frames++;
		measured.Longest = Math.max(measured.Longest, now - last);
		measured.Records += undrawn;
		last = now;
		theirs();
	};`

// TestLivePage has a page show 500 keys that change 2,000 times a second. It draws on meanwhile, and shows the newest of
// all in the end. While it draws nothing it is sent no more than its credit. After a break it goes on where it was.
func TestLivePage(t *testing.T) {
	const keys, rate = 500, 2000
	browser, home, kafka := launch(t), livePage(t), broker(t)
	prices := newPrices(t, kafka, keys)
	a := startOn(t, kafka, "ALLOWED_ORIGINS="+home.URL)
	p := &live{t, browser}
	p.open(home.URL + "?topic=prices&proxy=" + url.QueryEscape("ws://"+a.Addr()))
	p.awaits(prices.newest(), "live")

	p.do(measuring)
	for tries := 3; !p.responds(func() { prices.move(rate, 2*time.Second) }); tries-- { // other programs may be in its way
		if tries == 1 {
			t.Fatal("the page hardly draws while records come")
		}
	}
	p.picture()
	p.awaits(prices.newest(), "live")

	p.do("hidden = true")
	for evaluate[int](p, "undrawn") < creditOfThePage {
		prices.move(rate, 100*time.Millisecond)
	}
	prices.move(rate, 500*time.Millisecond)
	if waiting := evaluate[int](p, "undrawn"); waiting != creditOfThePage {
		t.Errorf("%d records wait in the page, its credit is %d", waiting, creditOfThePage)
	}
	p.do("hidden = false; requestAnimationFrame(draw)")
	p.awaits(prices.newest(), "live")

	p.do("socket.close()")
	prices.remove(prices.names[0])
	prices.move(rate, 200*time.Millisecond)
	p.awaits(prices.newest(), "live again, from where it was")
}

// livePage serves the page to application developers.
func livePage(t *testing.T) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.ServeFile(w, r, "testdata/live-table.html")
	}))
	t.Cleanup(s.Close)
	return s
}

// live is the page in a browser.
type live struct {
	t       *testing.T
	browser context.Context
}

func (p *live) open(address string) {
	p.t.Helper()
	if err := chromedp.Do(p.browser, chromedp.EmulateViewport(1280, 720), chromedp.Navigate(address)); err != nil {
		p.t.Fatal(err)
	}
}

// do evaluates a script that has no result.
func (p *live) do(script string) {
	p.t.Helper()
	evaluate[bool](p, script+"; true")
}

func evaluate[T any](p *live, expression string) T {
	p.t.Helper()
	result, err := chromedp.Run(p.browser, chromedp.Evaluate[T](expression))
	if err != nil {
		p.t.Fatal(err)
	}
	return result
}

// responds has records come. It returns whether the page draws meanwhile, as far as the machine lets it.
func (p *live) responds(move func()) bool {
	p.t.Helper()
	p.do("Object.assign(measured, {Frames: 0, Longest: 0, Records: 0, Turns: 0}); last = performance.now()")
	move()
	got := evaluate[measured](p, "measured")
	p.t.Logf("the page: %+v", got)
	return got.Frames >= max(1, got.Turns/15)
}

// awaits waits until the page shows prices, and its state.
func (p *live) awaits(want map[string]string, state string) {
	p.t.Helper()
	type content struct {
		State string
		Table map[string]string
	}
	const look = `({State: document.getElementById("state").textContent,
		Table: Object.fromEntries([...document.querySelectorAll("#table div")].map((cell) => [...cell.children].map((part) => part.textContent)))})`
	var got content
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); <-tick.C {
		if got = evaluate[content](p, look); got.State == state && maps.Equal(got.Table, want) {
			return
		}
	}
	p.t.Fatalf("the page shows %q, want %q; %s", got.State, state, difference(got.Table, want))
}

// difference describes the first price that is shown wrong.
func difference(got, want map[string]string) string {
	for name, price := range want {
		if got[name] != price {
			return fmt.Sprintf("%s at %q, want %q; %d prices, want %d", name, got[name], price, len(got), len(want))
		}
	}
	return fmt.Sprintf("%d prices, want %d", len(got), len(want))
}

// picture makes a picture of the page, if one is asked for.
func (p *live) picture() {
	p.t.Helper()
	file := os.Getenv(picture)
	if file == "" {
		return
	}
	resized := chromedp.Do(p.browser, chromedp.EmulateViewport(1280, 440))
	image, err := chromedp.Run(p.browser, chromedp.CaptureScreenshot())
	if err = errors.Join(resized, err); err != nil {
		p.t.Fatal(err)
	}
	if err := os.WriteFile(file, image, 0o644); err != nil {
		p.t.Fatal(err)
	}
}
