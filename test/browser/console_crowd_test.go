package browser

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
)

// crowd is how many connections another replica has.
const crowd = 100_000

// consoleListsACrowd has 100,000 connections to another replica listed. The page holds 200 of them, goes from page to page, finds one
// of all by a filter, and says who knows more of them.
func consoleListsACrowd(browser context.Context, t *testing.T) {
	t.Helper()
	kafka := broker(t, kfake.SeedTopics(1, "t"))
	a := startOn(t, kafka, consoleSettings("SERVER_ID=near-0")...)
	gather(t, kafka)
	c := openConsole(browser, t, "http://"+a.AdminAddr())
	c.look(1280, "light")
	const drawn = `document.querySelectorAll("main table[aria-label=Connections] tbody tr").length`
	c.open("connections?client=client-99999") // which was written last, so that the replica has read all
	c.awaits("the last connection", drawn+" === 1")

	began := time.Now()
	c.open("connections")
	c.awaits("a page of connections", drawn+" === 200")
	first := time.Since(began)
	c.awaitsText("1 to 200 of more, on all replicas")
	c.awaitsText("Replicas that did not answer: far-0")
	c.press("Next 200")
	c.awaitsText("201 to 400 of more, on all replicas")
	c.awaits("no more than the page", drawn+` === 200 && document.querySelector("main tbody tr").getAttribute("aria-rowindex") === "202"`)
	c.awaits("an unknown number of rows for readers of screens", `document.querySelector("main table").getAttribute("aria-rowcount") === "-1"`)
	if text := eval[string](c, `document.querySelector("main tbody tr").textContent`); strings.Contains(text, "client-0") {
		t.Errorf("the second page begins with %q, as the first one", text)
	}
	c.picture("crowd-1280-light")
	t.Run("WithoutSeriousFindings", func(t *testing.T) {
		c.checkAxeAt(axeCore(t), "crowd", consoleLook{1280, "light"}, consoleLook{390, "dark"})
	})
	c.look(1280, "light")
	began = time.Now()
	c.fill("Client is", "client-77777")
	c.awaits("the one connection", drawn+` === 1 && document.querySelector("main tbody").textContent.includes("client-77777")`)
	t.Logf("of %d connections the first %d were there after %v, the one that was asked for after %v", crowd, 200, first, time.Since(began))
	c.awaits("the command that tells the same", `/wsproxy sessions --admin-url \S+ --client-id 'client-77777'/.test(document.querySelector("main").textContent)`)
	c.fill("Client is", "nobody")
	c.awaitsText("No connection is what the filter asks for.")
}

// checkAxeAt has axe-core look at the page at some widths and themes.
func (c *console) checkAxeAt(axe, name string, looks ...consoleLook) {
	c.t.Helper()
	for _, look := range looks {
		c.look(look.width, look.theme)
		c.awaits("entry of the view in the navigation", entryIsSeen)
		c.checkAxe(fmt.Sprintf("%s-%d-%s", name, look.width, look.theme), axe)
		c.picture(fmt.Sprintf("%s-%d-%s", name, look.width, look.theme))
	}
}

// gather writes what a replica far-0 with a crowd of consumers would have written to the topic of the sessions.
func gather(t *testing.T, kafka string) {
	t.Helper()
	const day = 24 * 60 * 60 * 1000 // ms
	client, err := kgo.NewClient(kgo.SeedBrokers(kafka), kgo.DefaultProduceTopic("_wsproxy.session.state"), kgo.MaxBufferedRecords(crowd+1))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	records := []*kgo.Record{{Key: []byte("replica/far"), Value: fmt.Appendf(nil, `{"server":"far-0","count":1,"lease":%d}`, day)}}
	now := time.Now().UnixMilli()
	for i := range crowd {
		records = append(records, &kgo.Record{
			Key: fmt.Appendf(nil, "claim/far.%d", i),
			Value: fmt.Appendf(nil, `{"state":"admitted","kind":"consumer","client":"client-%d","group":"group-%d","topic":"t","replica":"far","server":"far-0","since":%d,"lease":%d,"asked":%d}`,
				i, i%1000, now-int64(i), day, now),
		})
	}
	if err := client.ProduceSync(t.Context(), records...).FirstErr(); err != nil {
		t.Fatal(err)
	}
}
