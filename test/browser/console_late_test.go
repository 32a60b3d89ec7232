package browser

import (
	"context"
	"fmt"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"
)

// holdsAnswers has the page's answers wait, where the method, or the end of the path, is what hold says, until release is called.
// described counts requests for the description of a group.
const holdsAnswers = `{
	const real = globalThis.fetch;
	let held = [];
	const release = () => { page.hold = ""; held.forEach((go) => go()); held = []; };
	const page = globalThis.answers = {hold: "", described: 0, release, held: () => held.length};
	globalThis.fetch = async (address, options) => {
		const {pathname} = new URL(address);
		if (pathname.endsWith("/describe")) page.described++;
		const answer = await real(address, options);
		if (page.hold === options.method || (page.hold && pathname.endsWith(page.hold))) await new Promise((go) => held.push(go));
		return answer;
	};
}`

// settles gives the page time to deal with what was answered. In a page that needs longer a fault is not seen: none is seen where
// there is none.
func (c *console) settles() {
	c.t.Helper()
	eval[bool](c, "window.settled = false; setTimeout(() => { window.settled = true; }, 300); true")
	c.awaits("pause", "window.settled")
}

// consoleTakesNoLateAnswers previews a reset, and changes what it asks for before the answer comes: that answer allows nothing. Then
// it resets the offsets while the group is being asked for: it is asked for once more after that, and not beside it.
func consoleTakesNoLateAnswers(browser context.Context, t *testing.T) {
	t.Helper()
	c, kafka := consoleOn(browser, t)
	for range 20 {
		write(t, kafka, &kgo.Record{Value: []byte("v")})
	}
	commitAll(t, kafka)
	c.beforeThePage(holdsAnswers)
	c.open("groups/g")
	c.awaitsText("Lag by partition: 0")
	c.press("Reset offsets")
	c.fill("To", "shift")
	c.fill("Records", "-7")
	eval[bool](c, "answers.hold = 'PUT'; true")
	c.press("Preview")
	c.awaits("answer that is held", "answers.held() === 1")
	c.fill("Records", "-8")
	eval[bool](c, "answers.release(); true")
	c.settles()
	if eval[bool](c, "Boolean(document.querySelector('dialog table, dialog button.danger:enabled'))") {
		t.Error("the answer to another question is taken for a preview")
	}
	c.press("Preview")
	c.awaits("preview", `document.querySelector("dialog table")?.textContent.includes("2012")`) // now 20, then 12

	eval[bool](c, "answers.hold = '/describe'; true")
	c.awaits("answer that is held", "answers.held() === 1")
	before := eval[int](c, "answers.described")
	c.answer()
	c.awaits("end of the dialog", "!document.querySelector('dialog')")
	c.settles()
	if got := eval[int](c, "answers.described"); got != before {
		t.Errorf("the group is asked for %d times at one time", 1+got-before)
	}
	eval[bool](c, "answers.release(); true")
	c.awaitsText("Lag by partition: 8")
}

// consoleLoadsNoOlderRecordsTooLate has older records loaded, and others read before they come: they are not shown among these.
func consoleLoadsNoOlderRecordsTooLate(browser context.Context, t *testing.T) {
	t.Helper()
	c, kafka := consoleOn(browser, t)
	for i := range 30 {
		write(t, kafka, &kgo.Record{Key: fmt.Appendf(nil, "k-%d", i), Value: []byte("v")})
	}
	c.beforeThePage(holdsAnswers)
	c.open("topics/t/records?from=newest&n=10")
	c.awaits("the newest", rows+" === 10")
	c.press("Load older")
	c.awaits("all of them", rows+" === 30")
	c.press("Read")
	c.awaits("the newest", rows+" === 10")
	eval[bool](c, "answers.hold = '/topics/t'; true")
	c.press("Load older")
	c.awaits("answer that is held", "answers.held() > 0")
	c.fill("Key is", "k-29")
	c.press("Read")
	c.awaits("the one record", rows+" === 1")
	eval[bool](c, "answers.release(); true")
	c.settles()
	if got := eval[int](c, rows); got != 1 {
		t.Errorf("%d records are shown, and one was asked for", got)
	}
}
