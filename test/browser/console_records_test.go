package browser

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
)

// write writes records to the one partition of the topic "t".
func write(t *testing.T, kafka string, records ...*kgo.Record) {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(kafka), kgo.DefaultProduceTopic("t"), kgo.ProducerBatchMaxBytes(2<<20))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if err := client.ProduceSync(t.Context(), records...).FirstErr(); err != nil {
		t.Fatal(err)
	}
}

// consoleOn opens the console of a proxy before a broker with the topic "t".
func consoleOn(browser context.Context, t *testing.T, settings ...string) (c *console, kafka string) {
	t.Helper()
	c, kafka, _ = consoleBefore(browser, t, settings...)
	return c, kafka
}

// consoleBefore is consoleOn that also returns where clients connect.
func consoleBefore(browser context.Context, t *testing.T, settings ...string) (c *console, kafka, proxy string) {
	t.Helper()
	kafka = broker(t, kfake.SeedTopics(1, "t"))
	a := startOn(t, kafka, consoleSettings(settings...)...)
	return openConsole(browser, t, "http://"+a.AdminAddr()), kafka, a.Addr()
}

// rows is how many rows of records the page has drawn.
const rows = `document.querySelectorAll("[role=grid] tr[id]").length`

// consoleShowsHostileRecordsAsText opens records that hold markup, scripts, characters that nobody sees, JSON that
// is 10,000 levels deep, a megabyte, and bytes that are no text.
func consoleShowsHostileRecordsAsText(browser context.Context, t *testing.T) {
	t.Helper()
	c, kafka := consoleOn(browser, t)
	const markup = `<img src=x onerror="window.owned=1"><script>window.owned=1</script>`
	deep := strings.Repeat(`{"a":[`, 5000) + "1" + strings.Repeat(`]}`, 5000)
	bad := []struct{ name, key, value, shows string }{
		{"markup", markup, markup, "<script>window.owned=1</script>"},
		{"directions", "\u202egnp.exe\u2066", "\u05d0\u05d1 \u200f abc \u0000\u001b[2J", "\u27e8200f\u27e9 abc \u2400\u241b[2J"},
		{"deep JSON", "deep", deep, `"a": [`},
		{"a megabyte", "large", strings.Repeat("x", 1_000_000), "characters more"},
		{"no text", "\xff\xfe", "\xff\x00\x01", "ff 00 01"},
		{"not JSON", "broken", `{"a":`, "not JSON"},
		{"digits", "digits", `{"n":12345678901234567890.10}`, "12345678901234567890.10"},
	}
	for _, r := range bad {
		write(t, kafka, &kgo.Record{Key: []byte(r.key), Value: []byte(r.value), Headers: []kgo.RecordHeader{{Key: markup, Value: []byte(markup)}, {Key: "b", Value: []byte{0xff}}}})
	}
	c.look(1280, "light")
	c.open("topics/t/records?from=beginning&n=7")
	c.awaits("all records", rows+" === 7")
	for i, r := range bad {
		c.open(fmt.Sprintf("topics/t/records?at=0:%d", i))
		c.awaitsText(fmt.Sprintf("P 0, offset %d", i))
		if r.shows != "" && !eval[bool](c, fmt.Sprintf("document.querySelector('[aria-label=Record]').textContent.includes(%s)", toJSON(t, r.shows))) {
			t.Errorf("%s: it shows %.2000s", r.name, eval[string](c, "document.querySelector('[aria-label=Record]').textContent"))
		}
		if eval[bool](c, "window.owned === 1 || document.querySelectorAll('main img, main script').length > 0") {
			t.Errorf("%s: it is markup in the page", r.name)
		}
	}
}

// consoleIsUsedByKeysAlone goes to a topic, reads its records, opens one and closes it, without a mouse.
func consoleIsUsedByKeysAlone(browser context.Context, t *testing.T) {
	t.Helper()
	c, kafka := consoleOn(browser, t)
	for i := range 30 {
		write(t, kafka, &kgo.Record{Key: fmt.Appendf(nil, "k%d", i), Value: fmt.Appendf(nil, `{"n":%d}`, i)})
	}
	c.look(1280, "dark")
	c.open("topics")
	c.awaitsText("1 topic")
	c.tabTo("[data-filter]")
	c.do(chromedp.KeyEvent("t"))
	c.tabTo("a[href='#/topics/t']")
	c.do(chromedp.KeyEvent(kb.Enter))
	c.awaits("the records", rows+" === 30")
	c.awaits("the number of all rows for readers of screens", `document.querySelector("[role=grid]").getAttribute("aria-rowcount") === "31"`)
	c.tabTo("[role=grid]")
	c.do(chromedp.KeyEvent(kb.ArrowDown + kb.ArrowDown))
	c.awaitsText("P 0, offset 28")
	c.awaits("a row that is told", `document.getElementById(document.activeElement.getAttribute("aria-activedescendant")).getAttribute("aria-selected") === "true"`)
	c.do(chromedp.KeyEvent(kb.End))
	c.awaitsText("P 0, offset 0")
	c.do(chromedp.KeyEvent(kb.Escape))
	c.awaits("closed record", "!document.querySelector('[aria-label=Record]')")
}

// press clicks on the button with a text.
func (c *console) press(text string) {
	c.t.Helper()
	c.awaits("button "+text, fmt.Sprintf(`(() => {
		const found = [...document.querySelectorAll("button")].find((b) => b.textContent.trim() === %q && !b.disabled);
		found?.click();
		return found;
	})()`, text))
}

// tabTo presses Tab until an element has the focus.
func (c *console) tabTo(selector string) {
	c.t.Helper()
	for range 60 {
		if eval[bool](c, fmt.Sprintf("document.activeElement.matches(%q)", selector)) {
			return
		}
		c.do(chromedp.KeyEvent(kb.Tab))
	}
	c.t.Fatalf("Tab does not come to %s", selector)
}

// consoleFiltersRecords reads what a condition selects, and is told why the rest does not come.
func consoleFiltersRecords(browser context.Context, t *testing.T) {
	t.Helper()
	c, kafka := consoleOn(browser, t)
	var list []*kgo.Record
	for i := range 100 {
		list = append(list, &kgo.Record{Key: fmt.Appendf(nil, "k%d", i%10), Value: fmt.Appendf(nil, `{"n":%d,"in":{"x":"v%d"}}`, i, i), Headers: []kgo.RecordHeader{{Key: "unit", Value: []byte("c")}}})
	}
	write(t, kafka, list...)
	c.look(1280, "light")
	c.open("topics/t/records?from=newest&n=1000&columns=/in/x&where=/n+%3E%3D+90+and+header+unit+%3D+c")
	c.awaits("ten records", rows+" === 10")
	c.awaitsText("v99")
	c.open("topics/t/records?from=newest&n=1000&where=/n+%3E+500")
	c.awaitsText("it hid about 100 records")
	c.open("topics/t/records?from=newest&n=1000&where=nonsense")
	c.awaitsText("is no condition")
	c.open("topics/t/records?from=newest&n=20&key=k7")
	c.awaits("two records", rows+" === 2")
	c.press("Load older")
	c.awaits("ten records", rows+" === 10")
}

// consoleFollowsWhatComesTooFast has more records come than a page can draw. It says what it left out and that it is behind, holds no
// more than it may, and answers meanwhile; paused it shows what it has.
func consoleFollowsWhatComesTooFast(browser context.Context, t *testing.T) {
	t.Helper()
	c, kafka := consoleOn(browser, t)
	client, err := kgo.NewClient(kgo.SeedBrokers(kafka), kgo.DefaultProduceTopic("t"), kgo.MaxBufferedRecords(50_000))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	write(t, kafka, &kgo.Record{Value: []byte("before")})
	c.look(1280, "light")
	c.open("topics/t/records?from=now")
	c.awaitsText("nothing has been written since")
	flooding := make(chan struct{})
	flooded := make(chan int)
	slower := time.NewTicker(time.Millisecond)
	t.Cleanup(slower.Stop)
	go func() {
		n := 0
		for ; ; n++ {
			select {
			case <-flooding:
				flooded <- n
				return
			default:
			}
			if n > 300_000 { // a slow machine must not run out of memory
				<-slower.C
			}
			client.Produce(t.Context(), &kgo.Record{Value: fmt.Appendf(nil, `{"n":%d,"text":"%0200d"}`, n, n)}, nil)
		}
	}()
	began := time.Now()
	c.awaitsText("left out")
	c.awaitsText("dropped from the page")
	c.awaitsText("More comes than is shown.")
	if drawn := eval[int](c, rows); drawn > 60 {
		t.Errorf("%d rows are drawn", drawn)
	}
	c.press("Pause")
	c.awaitsText("Paused.")
	shown := eval[string](c, "document.querySelector('[role=grid]').textContent")
	c.press("Resume")
	c.awaits("other records", fmt.Sprintf("document.querySelector('[role=grid]').textContent !== %s", toJSON(t, shown)))
	close(flooding)
	n := <-flooded
	t.Logf("%d records in %v; the page's heap is %d MB", n, time.Since(began), eval[int](c, "performance.memory.usedJSHeapSize")>>20)
}

// consoleAsksForCredentials opens the console of a proxy whose administrators have a password: page, admin API and
// sockets all take what the browser was given once.
func consoleAsksForCredentials(browser context.Context, t *testing.T) {
	t.Helper()
	c, kafka := consoleOn(browser, t, "ADMIN_BASIC_AUTH_USERNAME=ops", "ADMIN_BASIC_AUTH_PASSWORD=sesame", "CONSOLE_DOWNLOAD_ENABLED=false")
	write(t, kafka, &kgo.Record{Value: []byte("for administrators")})
	c.address = strings.Replace(c.address, "http://", "http://ops:sesame@", 1)
	c.look(1280, "light")
	c.open("topics/t")
	c.awaitsText("for administrators")
	c.awaitsText("admin:ops")
	if eval[bool](c, "document.body.textContent.includes('Download')") {
		t.Error("it offers to download records")
	}
}

// consoleGoesOnAfterABreak has the proxy go away and come back.
func consoleGoesOnAfterABreak(browser context.Context, t *testing.T) {
	t.Helper()
	kafka := broker(t, kfake.SeedTopics(1, "t"))
	first := startOn(t, kafka, consoleSettings()...)
	c := openConsole(browser, t, "http://"+first.AdminAddr())
	write(t, kafka, &kgo.Record{Value: []byte("one")})
	c.look(1280, "light")
	c.open("topics/t")
	c.awaits("one record", rows+" === 1")
	_, port, _ := strings.Cut(first.AdminAddr(), ":")
	first.Shutdown()
	c.awaitsText("no answer")
	write(t, kafka, &kgo.Record{Value: []byte("two")})
	startOn(t, kafka, consoleSettings("ADMIN_PORT="+port)...)
	c.awaits("two records", rows+" === 2")
	c.awaitsText("connected")
	c.errors() // the browser tells of each request that found nobody
}
