package outside

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/network"
	cdppage "github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/twmb/franz-go/pkg/kgo"
)

// pageLimit bounds how long a page may run that is suspended a few times.
const pageLimit = 15 * patience

// TestSuspendedPageLosesNothing has a tab frozen, as browsers do with those that nobody sees, and put aside while another page is shown in
// it. Records are written meanwhile, more than the page's credit, and connections are cut.
func TestSuspendedPageLosesNothing(t *testing.T) {
	t.Parallel()
	home := newSite(t)
	k := realKafka(t)
	link := relayTo(t, k.serve("WSPROXY_ALLOWED_ORIGINS="+home.URL).main)
	c, page := home.inPage(t, use{URL: "ws://" + link.addr(), Topic: k.compacted(3)}, pageLimit)
	c.goesOn()
	page.suspended(func() { k.writeAside(c.topic, 100) })
	c.goesOn()
	page.suspended(func() {
		k.writeAside(c.topic, 50)
		link.cut()
		k.writeAside(c.topic, 50)
	})
	c.goesOn()
	page.aside(home, func() { k.writeAside(c.topic, 100) })
	c.goesOn()
	c.judge(k)
	c.end()
}

// TestPageComesBackAtOnce when the browser says that it is online, or that the page is shown again. Nothing is there to be reached, and without
// such a word the next attempt follows minutes after the test's end.
func TestPageComesBackAtOnce(t *testing.T) {
	t.Parallel()
	home, nowhere := newSite(t), relayTo(t, "127.0.0.1:1")
	minutes := int((2 * pageLimit).Milliseconds())
	c, page := home.inPage(t, use{URL: "ws://" + nowhere.addr(), Topic: "t", Backoff: &backoff{minutes, minutes}}, pageLimit)
	rounds := 0
	everyAttemptToFail := func() bool {
		c.listen()
		return c.attempts == rounds*connectionsOfAClient && c.closes[1006] == c.attempts
	}
	for _, event := range []func(){func() {}, page.offline, func() { page.aside(home, func() {}) }} {
		event()
		rounds++
		await(t, "every attempt to fail", everyAttemptToFail)
	}
}

// suspended has a page frozen while something is done: none of its code runs.
func (p *pageScript) suspended(do func()) {
	p.t.Helper()
	command(p, cdppage.SetWebLifecycleState, cdppage.SetWebLifecycleStateParams{State: cdppage.SetWebLifecycleStateStateFrozen})
	do()
	command(p, cdppage.SetWebLifecycleState, cdppage.SetWebLifecycleStateParams{State: cdppage.SetWebLifecycleStateStateActive})
}

// aside has the tab show another page while something is done, and go back. A browser that keeps no page with a WebSocket
// loads it anew: then the test is skipped.
func (p *pageScript) aside(home *site, do func()) {
	p.t.Helper()
	evaluate[bool](p, "window.isKept = true")
	must(p.t, chromedp.Do(p.browser, chromedp.Navigate(home.URL+"/uses.mjs")))
	do()
	evaluate[bool](p, "setTimeout(() => history.back()); true")
	await(p.t, "the tab to be back", func() bool {
		isBack, err := chromedp.Run(p.browser, chromedp.Evaluate[bool](`"used" in window`)) // while it goes back there may be no page
		return err == nil && isBack
	})
	if !evaluate[bool](p, `"isKept" in window`) {
		p.t.Skip("this browser keeps no page with a WebSocket")
	}
}

// offline has the browser say that it is offline, and that it is online.
func (p *pageScript) offline() {
	p.t.Helper()
	const unlimited = -1
	for _, is := range []bool{true, false} {
		command(p, network.OverrideNetworkState, network.OverrideNetworkStateParams{
			Offline: is, DownloadThroughput: unlimited, UploadThroughput: unlimited,
		})
	}
}

// command runs a command of the DevTools protocol on the page.
func command[P, R any](p *pageScript, c cdp.Command[P, R], params P) {
	p.t.Helper()
	must(p.t, chromedp.Do(p.browser, chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		_, err := cdp.Call(ctx, target, c, params)
		return err
	})))
}

// writeAside writes records to a topic beside those of a client.
func (c *cluster) writeAside(topic string, n int) {
	c.t.Helper()
	var records []*kgo.Record
	for i := range n {
		text := fmt.Sprint(time.Now().UnixNano())
		records = append(records, &kgo.Record{
			Topic: topic, Partition: int32(i % 3), Key: fmt.Appendf(nil, "aside-%d", i), Value: []byte(text),
			Headers: []kgo.RecordHeader{{Key: "number", Value: []byte(text)}},
		})
	}
	c.write(records...)
}
