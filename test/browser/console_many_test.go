package browser

import (
	"context"
	"fmt"
	"testing"

	"github.com/twmb/franz-go/pkg/kfake"
)

// consoleListsManyTopics has 10,000 topics listed. It draws some of them, sorts all, draws more on demand, and finds each by its name.
func consoleListsManyTopics(browser context.Context, t *testing.T) {
	t.Helper()
	names := make([]string, 10_000)
	for i := range names {
		names[i] = fmt.Sprintf("topic-%04d", i)
	}
	a := startOn(t, broker(t, kfake.SeedTopics(1, names...)), consoleSettings()...)
	c := openConsole(browser, t, "http://"+a.AdminAddr())
	const drawn = "document.querySelectorAll('main tbody tr').length"
	c.look(1280, "light")
	c.open("topics")
	c.awaitsText("10,000 topics")
	c.awaits("some rows", drawn+" === 300")
	c.awaits("the number of all rows for readers of screens", `document.querySelector("main table").getAttribute("aria-rowcount") === "10001"`)
	c.awaitsText("300 of 10,000 are drawn")
	c.picture("many-topics-1280-light")
	c.press("300 more")
	c.awaits("more rows", drawn+" === 600")
	c.press("Topic")
	c.press("Topic ↑")
	c.awaits("the last one first", "document.querySelector('main tbody tr').textContent.includes('topic-9999')")
	c.fill("Name contains", "-7777")
	c.awaits("one row", drawn+" === 1")
	c.awaitsText("topic-7777")
	c.fill("Name contains", "nothing")
	c.awaitsText("The filter hides all 10,000 topics.")
}
