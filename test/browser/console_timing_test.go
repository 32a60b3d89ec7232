package browser

import (
	"context"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	cdppage "github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

// leavesAtOnce goes to the topics as soon as the console has drawn anything.
const leavesAtOnce = `new MutationObserver((_, observer) => {
	if (!document.querySelector(".rail")) return;
	observer.disconnect();
	location.hash = "#/topics";
}).observe(document, {childList: true, subtree: true})`

// beforeThePage has a script run in a tab before those of the pages that it opens.
func (c *console) beforeThePage(script string) {
	c.t.Helper()
	_, err := chromedp.Run(c.browser, func(ctx context.Context, t *chromedp.Target) (chromedp.Void, error) {
		_, err := cdp.Call(ctx, t, cdppage.AddScriptToEvaluateOnNewDocument, cdppage.AddScriptToEvaluateOnNewDocumentParams{Source: script})
		return chromedp.Void{}, err
	})
	if err != nil {
		c.t.Fatal(err)
	}
}

// consoleFollowsAnAddressAtOnce changes the address between the first drawing of the page and its effects.
func consoleFollowsAnAddressAtOnce(browser context.Context, t *testing.T) {
	t.Helper()
	c, _ := consoleOn(browser, t)
	c.beforeThePage(leavesAtOnce)
	c.open("")
	c.awaitsText("Name contains")
}

// consoleDrawsAReadingAfterAnother ends a reading between what it was told and the drawing of that: the next one is drawn, too.
func consoleDrawsAReadingAfterAnother(browser context.Context, t *testing.T) {
	t.Helper()
	c, _ := consoleOn(browser, t)
	c.open("limits")
	c.awaitsText("everybody else")
	eval[bool](c, `import("/console/js/tail.js").then(({Tail}) => {
		const tail = new Tail(() => { window.drawn = true; });
		tail.tell();
		tail.close();
		tail.tell();
	}), true`)
	c.awaits("drawing", "window.drawn")
}
