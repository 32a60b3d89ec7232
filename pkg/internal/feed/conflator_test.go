package feed

import (
	"fmt"
	"testing"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// TestConflator follows one key through an interval of 100 ms and the next one.
func TestConflator(t *testing.T) {
	begin := time.Unix(0, 0)
	c := newConflator(100*time.Millisecond, proxy.Places{0: {}}, textEncoder{}.AppendRecord)
	offer := func(offset int64, at time.Duration, goes bool) {
		t.Helper()
		record := proxy.Record{Offset: offset, Key: []byte("a"), Value: []byte("v")}
		if got := c.offer(&record, begin.Add(at)); got != goes {
			t.Errorf("after %v record %d goes on at once: %v, want %v", at, offset, got, goes)
		}
	}
	due := func(at time.Duration, want string) {
		t.Helper()
		got := ""
		c.due(begin.Add(at), func(h *held) { got += fmt.Sprintf("%sfor %d more", h.frame, h.left) })
		if got != want {
			t.Errorf("after %v %q is given, want %q", at, got, want)
		}
	}
	safe := func(fetched int64, at time.Duration, want int64) {
		t.Helper()
		c.note(proxy.Places{0: {Offset: fetched}}, begin.Add(at))
		if got := c.safe[0].Offset; got != want {
			t.Errorf("after %v nothing is missing before %d, want %d", at, got, want)
		}
	}
	offer(0, 0, true)
	safe(1, 0, 1)
	offer(1, 10*time.Millisecond, false)
	offer(2, 20*time.Millisecond, false)
	safe(3, 20*time.Millisecond, 1)
	due(99*time.Millisecond, "")
	due(100*time.Millisecond, "record:0:2:0 for 1 more")
	offer(3, 110*time.Millisecond, false)
	safe(4, 110*time.Millisecond, 1)
	safe(4, 150*time.Millisecond, 3) // record 3 is held
	due(200*time.Millisecond, "record:0:3:0 for 0 more")
	safe(4, 200*time.Millisecond, 4)
	due(300*time.Millisecond, "")
	offer(4, 310*time.Millisecond, true)
}
