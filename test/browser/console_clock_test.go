package browser

import (
	"context"
	"testing"
)

// aheadByADay has the clock of a page a day ahead.
const aheadByADay = `{
	const Real = Date;
	globalThis.Date = class extends Real {
		constructor(...given) { given.length ? super(...given) : super(Real.now() + 86400000); }
		static now() { return Real.now() + 86400000; }
	};
}`

// consoleTellsAWrongClock opens the console where the clock is a day ahead. It says so, and ages are right all the same.
func consoleTellsAWrongClock(browser context.Context, t *testing.T) {
	t.Helper()
	c, _, proxy := consoleBefore(browser, t)
	c.beforeThePage(aheadByADay)
	connect(t, proxy, "/socket/out?topic=t&groupId=g&clientId=reader")
	c.look(1280, "light")
	c.open("")
	c.awaitsText("The clock of this machine is 24 h ahead of the proxy's")
	c.open("connections?client=reader")
	c.awaits("an age of minutes at most", "/^\\d+ (s|min)$/.test("+c.cell("Since")+")")
}
