package browser

import (
	"context"
	"testing"

	"github.com/coder/websocket"
	"github.com/twmb/franz-go/pkg/kgo"
)

// consoleShowsQueues looks at a share group while a worker holds three records of five, and resets it once the worker has gone.
func consoleShowsQueues(browser context.Context, t *testing.T) {
	t.Helper()
	c, kafka, proxy := consoleBefore(browser, t)
	for range 5 {
		write(t, kafka, &kgo.Record{Value: []byte("v")})
	}
	worker := connect(t, proxy, "/socket/queue?topic=t&groupId=workers&clientId=worker-1&window=3")
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		for {
			if _, _, err := worker.Read(t.Context()); err != nil {
				return
			}
		}
	}()
	c.look(1280, "light")
	c.open("connections?client=worker-1")
	c.awaits("what the worker holds", c.cell("Held")+" === '3'")
	c.open("groups")
	c.awaits("a share group", `[...document.querySelectorAll("main tbody tr")].some((tr) => /^workersshare/.test(tr.textContent))`)
	c.open("groups/workers")
	c.awaitsText("share group")
	c.awaits("the start of the partition", `[...document.querySelectorAll("th")].some((th) => th.textContent.trim() === "Start")`)
	c.awaitsText("Lag by partition: 5")
	c.awaits("what the worker was delivered", `/worker-13\d/.test(document.querySelector("table[aria-label=Workers] tbody")?.textContent)`) // it holds 3, which come again after their locks
	c.press("Reset offsets")
	c.fill("To", "latest")
	c.press("Preview")
	c.awaitsText("GROUP_ACTIVE")
	c.press("Cancel")
	_ = worker.Close(websocket.StatusNormalClosure, "")
	<-gone
	c.awaitsText("The group has no members")
	c.press("Reset offsets")
	c.fill("To", "latest")
	c.press("Preview")
	c.answer()
	c.awaitsText("Lag by partition: 0")
	c.errors() // the browser tells of the request that was refused
}
