package browser

import (
	"context"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"
)

// mostSent is what a browser may be sent before it shows the first record, in bytes: the page, and what it asks of the proxy.
const mostSent = 80 << 10

// consoleIsThereAtOnce opens a topic in a tab that has nothing of the page, and measures what it is sent until it shows a record, and how
// long that takes from the opening.
func consoleIsThereAtOnce(browser context.Context, t *testing.T) {
	t.Helper()
	c, kafka := consoleOn(browser, t)
	for range 100 {
		write(t, kafka, &kgo.Record{Key: []byte("k"), Value: []byte(`{"n":1}`)})
	}
	c.look(1280, "light")
	c.open("topics/t")
	c.awaits("records", rows+" > 0")
	type sent struct{ Bytes, Files, Milliseconds int }
	got := eval[sent](c, `(() => {
		const all = [...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")];
		const bytes = all.reduce((sum, one) => sum + one.transferSize, 0);
		return {Bytes: bytes, Files: all.length, Milliseconds: Math.round(performance.now())};
	})()`)
	t.Logf("the first record was there %d ms after the page was opened, with %d bytes of %d answers", got.Milliseconds, got.Bytes, got.Files)
	if got.Files < 20 || got.Bytes < 20_000 {
		t.Errorf("the browser tells of %d bytes of %d answers alone", got.Bytes, got.Files)
	}
	if got.Bytes > mostSent {
		t.Errorf("the browser was sent %d bytes, more than %d", got.Bytes, mostSent)
	}
}
