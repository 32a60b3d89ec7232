package browser

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/coder/websocket"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
)

// consoleView is a view of the console, and a text that it shows when it is complete.
type consoleView struct{ name, address, text string }

func consoleViews() []consoleView {
	return []consoleView{
		{"overview", "", "Busiest topics"},
		{"topics", "topics", "payments.eu"},
		{"records", "topics/orders", "At the end"},
		{"record", "topics/orders/records?at=2:41&columns=/customer/name,/total", "P 2, offset 41"},
		{"partitions", "topics/orders/partitions", "Leader"},
		{"settings", "topics/orders/settings", "max.message.bytes"},
		{"connections", "connections", "billing-1"},
		{"groups", "groups", "billing"},
		{"group", "groups/billing", "Lag by partition"},
		{"queue", "groups/pricing", "pricer-1"},
		{"produce", "produce?topic=orders", "Answers"},
		{"limits", "limits", "everybody else"},
		{"try", "try", "websockets.sync.client"},
	}
}

// entryIsSeen tells whether all of the view's entry in the navigation is in the window, which is narrower than the navigation.
const entryIsSeen = `(() => {
	const entry = document.querySelector(".rail nav [aria-current]").getBoundingClientRect();
	return entry.left >= 0 && entry.right <= innerWidth;
})()`

// consoleShowsEveryView opens every view at both widths and in both themes. Nothing is wider than the window, the page's
// console has no errors and no violation of the page's policy, and axe-core finds nothing serious: it looks at each view
// once, at another width and theme each, since it takes a second.
func consoleShowsEveryView(browser context.Context, t *testing.T) {
	t.Helper()
	axe := axeCore(t)
	c := openBusyConsole(browser, t, broker(t, kfake.SeedTopics(4, viewedTopics()...)))
	c.picturesForReaders()
	for i, v := range consoleViews() {
		for j, look := range consoleLooks() {
			name := fmt.Sprintf("%s-%d-%s", v.name, look.width, look.theme)
			c.look(look.width, look.theme)
			if j == 0 {
				c.open(v.address)
			}
			c.awaitsText(v.text)
			c.awaits("entry of the view in the navigation", entryIsSeen)
			if v.address == "connections" { // a rate needs two answers
				c.awaits("rate of a connection to another replica", `[...document.querySelectorAll("main table[aria-label=Connections] tbody tr")]
					.some((row) => /audit-1[^]*proxy-1[^]*[0-9]\/s/.test(row.textContent))`)
				c.awaits("close on another replica", `/audit-2[^]*proxy-1/.test(document.querySelector("table[aria-label='Last closes']").textContent)`)
			}
			if wide := eval[int](c, "document.documentElement.scrollWidth"); int64(wide) > look.width {
				t.Errorf("%s: the page is %d pixels wide", name, wide)
			}
			c.picture(name)
			if j == i%len(consoleLooks()) {
				c.checkAxe(name, axe)
			}
		}
	}
}

// openBusyConsole opens the console of a proxy that has something to show in every view, beside another replica.
func openBusyConsole(browser context.Context, t *testing.T, kafka string) *console {
	t.Helper()
	furnish(t, kafka)
	a := startOn(t, kafka, consoleSettings("SERVER_ID=proxy-0", "DYNAMIC_CONFIG_HANDLER_ENABLED=true", "MEMORY_BUDGET=64MiB")...)
	c := openConsole(browser, t, "http://"+a.AdminAddr())
	busy(t, a.Addr())
	busyElsewhere(t, startOn(t, kafka, "SERVER_ID=proxy-1").Addr())
	return c
}

// viewedTopics are those that the views show, of four partitions each.
func viewedTopics() []string { return []string{"orders", "prices", "payments.eu"} }

// picturesForReaders makes the pictures that docs/images has, if pictures are asked for.
func (c *console) picturesForReaders() {
	c.t.Helper()
	if os.Getenv(pictures) == "" {
		return
	}
	c.look(1280, "light")
	c.open("")
	c.awaits("charts", `/the last (4[0-9]|[5-9][0-9]|[0-9]+ m)/.test(document.querySelector("main").textContent)`)
	c.open("topics/orders/records?from=newest&n=60&columns=/customer/name,/customer/region,/total")
	c.awaits("records", rows+" > 20")
	c.press("Pause")
	c.awaitsText("Paused.")
	c.awaits("a row", `(() => { const all = document.querySelectorAll("[role=grid] tr[id]"); all[4]?.click(); return all[4]; })()`)
	c.awaitsText("order-10")
	for _, theme := range []string{"light", "dark"} {
		c.look(1280, theme)
		c.do(chromedp.EmulateViewport(1280, 700))
		c.picture("console-" + theme)
	}
}

// consoleLook is a width of the window and a theme.
type consoleLook struct {
	width int64
	theme string
}

func consoleLooks() []consoleLook {
	return []consoleLook{{1280, "light"}, {1280, "dark"}, {390, "dark"}, {390, "light"}}
}

// furnish writes records that the views show.
func furnish(t *testing.T, kafka string) {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(kafka), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	var records []*kgo.Record
	for i := range 400 {
		r := &kgo.Record{
			Topic: "orders", Partition: int32(i % 4), Key: fmt.Appendf(nil, "order-%d", 100000+i), Value: []byte(order(i)),
			Timestamp: time.Now().Add(time.Duration(i-400) * 700 * time.Millisecond),
			Headers:   []kgo.RecordHeader{{Key: "source", Value: []byte("shop")}, {Key: "trace", Value: fmt.Appendf(nil, "%016x", i*7919)}},
		}
		if i%29 == 28 {
			r.Value = nil
		}
		records = append(records, r)
	}
	if err := client.ProduceSync(t.Context(), records...).FirstErr(); err != nil {
		t.Fatal(err)
	}
}

// axeCore returns the script of axe-core, or skips the test where it cannot be had.
func axeCore(t *testing.T) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "../clients/install", "axe")
	var reason strings.Builder
	cmd.Stderr = &reason
	folder, err := cmd.Output()
	if err != nil && os.Getenv("REQUIRE_ALL") != "1" {
		t.Skipf("needs axe-core: %v %s", err, reason.String())
	}
	if err != nil {
		t.Fatalf("installing axe-core: %v\n%s", err, reason.String())
	}
	script, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(folder)), "axe-core", "axe.min.js"))
	if err != nil {
		t.Fatal(err)
	}
	return string(script)
}

// checkAxe has axe-core look at the page. It fails for what is serious or critical.
func (c *console) checkAxe(name, axe string) {
	c.t.Helper()
	const ask = `axe.run(document, {resultTypes: ["violations"]}).then((found) => JSON.stringify(found.violations
		.filter((v) => v.impact === "serious" || v.impact === "critical")
		.map((v) => v.id + ": " + v.nodes.slice(0, 3).map((n) => n.html.slice(0, 200) + " " + n.failureSummary).join(" | "))))`
	text, err := chromedp.Run(c.browser, chromedp.Evaluate[string]("(() => {"+axe+"; return "+ask+"})()", chromedp.EvalAwaitPromise))
	if err != nil {
		c.t.Fatal(err)
	}
	var found []string
	if err := json.Unmarshal([]byte(text), &found); err != nil {
		c.t.Fatal(err)
	}
	for _, violation := range found {
		c.t.Errorf("%s: %s", name, violation)
	}
}

// order is the value of a record of the topic "orders".
func order(i int) string {
	region := []string{"eu", "us", "apac"}[i%3]
	name := []string{"Ada Lovelace", "Grace Hopper", "Alan Turing", "Edsger Dijkstra", "Barbara Liskov"}[i*7%5]
	return fmt.Sprintf(`{"id":%d,"customer":{"name":%q,"region":%q},"total":%d.%02d,"paid":%v}`, 100000+i, name, region, 10+i*37%90, i*61%100, i%4 != 0)
}

// busy has clients connect, which write and read while the test lasts.
func busy(t *testing.T, proxy string) {
	t.Helper()
	in := connect(t, proxy, "/socket/in?clientId=till-7&topic=orders&valType=json")
	out := connect(t, proxy, "/socket/out?topic=orders&groupId=billing&clientId=billing-1")
	second := connect(t, proxy, "/socket/out?topic=orders&groupId=billing&clientId=billing-2")
	tail := connect(t, proxy, "/socket/tail?topic=orders&from=latest")
	worker := connect(t, proxy, "/socket/queue?topic=orders&groupId=pricing&clientId=pricer-1")
	var clients sync.WaitGroup
	for _, reader := range []*websocket.Conn{in, out, second, tail, worker} {
		clients.Go(func() {
			for {
				if _, _, err := reader.Read(t.Context()); err != nil {
					return
				}
			}
		})
	}
	over := make(chan struct{})
	clients.Go(func() { writeOrders(t.Context(), in, over) })
	t.Cleanup(func() {
		close(over)
		for _, c := range []*websocket.Conn{in, out, second, tail, worker} {
			_ = c.CloseNow()
		}
		clients.Wait()
	})
}

// busyElsewhere has a client of another replica read what comes, and another one leave.
func busyElsewhere(t *testing.T, proxy string) {
	t.Helper()
	reader := connect(t, proxy, "/socket/out?topic=orders&groupId=audit&clientId=audit-1")
	var reading sync.WaitGroup
	reading.Go(func() {
		for {
			if _, _, err := reader.Read(t.Context()); err != nil {
				return
			}
		}
	})
	t.Cleanup(func() {
		_ = reader.CloseNow()
		reading.Wait()
	})
	_ = connect(t, proxy, "/socket/out?topic=orders&groupId=audit&clientId=audit-2").Close(websocket.StatusNormalClosure, "")
}

// writeOrders writes now more and now fewer orders a second.
func writeOrders(ctx context.Context, in *websocket.Conn, over <-chan struct{}) {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for i := 0; ; {
		select {
		case <-over:
			return
		case <-tick.C:
		}
		for range 3 + rand.IntN(9) {
			message := fmt.Sprintf(`{"key":{"value":"order-%d"},"headers":[{"key":"source","value":"shop"},{"key":"trace","value":"%016x"}],"value":{"value":%s}}`, 100400+i, rand.Uint64(), order(400+i))
			if in.Write(ctx, websocket.MessageText, []byte(message)) != nil {
				return
			}
			i++
		}
	}
}

// connect opens a socket until the test's end.
func connect(t *testing.T, proxy, path string) *websocket.Conn {
	t.Helper()
	c, _, err := websocket.Dial(t.Context(), "ws://"+proxy+path, nil) //nolint:bodyclose // the library closes it
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.CloseNow() })
	return c
}
