package browser

import (
	"context"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/twmb/franz-go/pkg/kgo"
)

// consoleResetsAGroupByKeysAlone goes from the list of groups to a group and through the reset of its offsets without a mouse:
// first it changes its mind, then it shifts them back. The focus is where it was after each dialog.
func consoleResetsAGroupByKeysAlone(browser context.Context, t *testing.T) {
	t.Helper()
	c, kafka := consoleOn(browser, t)
	for range 20 {
		write(t, kafka, &kgo.Record{Value: []byte("v")})
	}
	client := commitAll(t, kafka)
	const opener = "main .head .acts > button:not(.danger)"
	c.look(1280, "light")
	c.open("groups")
	c.awaits("group", "document.querySelector(\"a[href='#/groups/g']\")")
	c.tabTo("a[href='#/groups/g']")
	c.do(chromedp.KeyEvent(kb.Enter))
	c.awaitsText("Lag by partition: 0")

	c.tabTo(opener)
	c.do(chromedp.KeyEvent(kb.Enter))
	c.awaits("dialog", "document.querySelector('dialog[open]')")
	c.do(chromedp.KeyEvent(kb.Escape))
	c.awaits("the focus where it was", "!document.querySelector('dialog') && document.activeElement.matches('"+opener+"')")

	c.do(chromedp.KeyEvent(kb.Enter))
	c.awaits("dialog", "document.querySelector('dialog[open]')")
	c.tabTo("dialog select")
	c.do(chromedp.KeyEvent(kb.ArrowDown + kb.ArrowDown + kb.ArrowDown))
	c.awaits("field for the shift", "document.querySelector('dialog input[placeholder=\"-100\"]')")
	c.tabTo("dialog input[placeholder='-100']")
	c.do(chromedp.KeyEvent("-7"), chromedp.KeyEvent(kb.Enter))
	c.awaits("preview", `document.querySelector("dialog table")?.textContent.includes("2013")`) // now 20, then 13
	if got := committed(t, client); got != 20 {
		t.Errorf("a preview has set the offset to %d", got)
	}
	c.tabTo("dialog button.danger")
	c.do(chromedp.KeyEvent(kb.Enter))
	c.awaitsText("Lag by partition: 7")
	c.awaits("the focus where it was", "!document.querySelector('dialog') && document.activeElement.matches('"+opener+"')")
	if got := committed(t, client); got != 13 {
		t.Errorf("the offset is %d", got)
	}
}
