package browser

import (
	"context"
	"flag"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/wsproxy/kafka-websocket-proxy/test/browser/chromium"
)

// flood is how long records come:
//
//	go test ./test/browser -run TestLongTheConsoleUnderAFlood -v -timeout 20m -flood 10m
var flood = flag.Duration("flood", 20*time.Second, "how long 10,000 records a second come to the console; 100,000 come for a tenth of that, 10 s at least")

// mostGrowth is by how much the page's heap may be larger in the end of a flood than after its first part. The page holds
// 2,000 records all the time, which take 2 MB here: what grows with each record that comes is 100 bytes of 300,000 ones.
const mostGrowth = 24 << 20

// TestLongTheConsoleUnderAFlood has far more records come than a page can draw, into a live reading, for a long time. The page
// stays as large as it is, takes what is typed, and says what it left out.
func TestLongTheConsoleUnderAFlood(t *testing.T) {
	for _, test := range []struct {
		rate int
		last time.Duration
	}{{10_000, *flood}, {100_000, max(10*time.Second, *flood/10)}} {
		t.Run(fmt.Sprintf("%d", test.rate), func(t *testing.T) { consoleUnderAFlood(t, test.rate, test.last) })
	}
}

func consoleUnderAFlood(t *testing.T, rate int, last time.Duration) {
	t.Helper()
	// Kafka forgets what it has had for some seconds, so that the test does not grow by what it writes.
	kafka := broker(t, kfake.SeedTopics(1, "t"), kfake.BrokerConfigs(map[string]string{"log.retention.ms": "5000", "log.cleaner.backoff.ms": "1000"}))
	// A small buffer leaves records out after seconds, as the usual one does after minutes.
	a := startOn(t, kafka, consoleSettings("TAIL_BUFFER_BYTES=4MiB")...)
	c := openConsole(chromium.Launch(t, last+10*patience), t, "http://"+a.AdminAddr())
	c.look(1280, "light")
	c.open("topics/t/records?from=now")
	c.awaitsText("The topic has no records.")
	c.watchDelays()
	t.Logf("before: %v", c.weigh())
	stop, flooded := writeSteadily(t, kafka, rate), time.Now()
	defer stop()
	c.awaitsText("dropped from the page") // it holds as many as it may
	c.awaitsText("or more behind")
	began, every := time.Now(), min(time.Minute, last/5)
	first := c.typeFor(every)
	t.Logf("%8v: %v", time.Since(began).Round(time.Second), first)
	now := first
	for time.Since(began) < last {
		now = c.typeFor(every)
		t.Logf("%8v: %v", time.Since(began).Round(time.Second), now)
	}
	if now.heap > first.heap+mostGrowth {
		t.Errorf("the page's heap has grown from %d to %d bytes", first.heap, now.heap)
	}
	c.awaitsText("left out")
	said := eval[string](c, `document.querySelector(".status").innerText.replaceAll("\n", " ")`)
	c.press("Go to the end")
	c.awaits("a new beginning", `!document.body.textContent.includes("or more behind")`)
	c.awaitsUsable()
	written := stop()
	t.Logf("%d records, %.0f a second; the page says: %s", written, float64(written)/time.Since(flooded).Seconds(), said)
}

// typeFor presses a key each half second for so long, sees it in a field, and returns what the page weighs then.
func (c *console) typeFor(length time.Duration) weight {
	c.t.Helper()
	const field = "document.querySelector('[data-filter]')"
	tick := time.NewTicker(500 * time.Millisecond)
	defer tick.Stop()
	for began := time.Now(); time.Since(began) < length; <-tick.C {
		eval[bool](c, field+".focus(); "+field+".select(); true")
		c.do(chromedp.KeyEvent("k"))
		c.awaits("what was typed", field+".value === 'k'")
		c.do(chromedp.KeyEvent("\b"))
		c.awaits("an empty field", field+".value === ''")
	}
	return c.weigh()
}

// awaitsUsable pauses and opens a record while others come.
func (c *console) awaitsUsable() {
	c.t.Helper()
	c.awaits("rows", rows+" > 0")
	c.press("Pause")
	c.awaitsText("Paused.")
	c.awaits("a row", `(() => { const row = document.querySelector("[role=grid] tr[id]"); row?.click(); return row; })()`)
	c.awaits("the record", `document.querySelector("[aria-label=Record]")`)
}

// writeSteadily writes so many records a second to the topic "t". stop ends that, and returns how many were written.
func writeSteadily(t *testing.T, kafka string, rate int) (stop func() int) {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(kafka), kgo.DefaultProduceTopic("t"), kgo.MaxBufferedRecords(2*rate), kgo.ProducerLinger(5*time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan int, 1)
	go func() { ended <- writeAtRate(ctx, client, rate) }()
	var written int
	done := false
	return func() int {
		if !done {
			done = true
			cancel()
			written = <-ended
			client.Close()
		}
		return written
	}
}

// writeAtRate writes records until ctx ends, and returns how many. What it was too late for is written as soon as can be.
func writeAtRate(ctx context.Context, client *kgo.Client, rate int) (n int) {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	text := strings.Repeat("x", 160)
	for began := time.Now(); ; {
		select {
		case <-ctx.Done():
			return n
		case <-tick.C:
		}
		for due := int(time.Since(began).Seconds() * float64(rate)); n < due; n++ {
			client.Produce(ctx, &kgo.Record{Key: fmt.Appendf(nil, "key-%d", n%1000), Value: fmt.Appendf(nil, `{"n":%d,"text":%q}`, n, text)}, nil)
		}
	}
}
