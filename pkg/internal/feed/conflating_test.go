package feed

import (
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// TestACursorFollowsTheLastConflatedRecord has tails with an interval, to which nothing comes after two records of a key: one
// is given them, the other wants another key, and is woken to learn of that.
func TestACursorFollowsTheLastConflatedRecord(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, 1, 1<<20)
		var wakes atomic.Int64
		r.log.options.Moves = 10 * time.Millisecond
		o := TailOptions{Every: 100 * time.Millisecond, Slow: SlowLatest}
		tail := r.open(o)
		o.Selection, o.Wake = &Selection{Partition: proxy.AnyPartition, Keys: keySet("b")}, func() { wakes.Add(1) }
		other := r.open(o)
		r.fetch(r.write(0, "a", "a")...)
		tail.want("record:0:0:0")
		wakes.Store(0)
		time.Sleep(100 * time.Millisecond)
		tail.want("record:0:1:0")
		other.want()
		if wakes.Load() == 0 {
			t.Error("who wants another key is not woken")
		}
		for name, tail := range map[string]*rigTail{"who is given the records": tail, "who wants another key": other} {
			if cursor, _ := tail.Cursor(); cursor.Places[0].Offset != 2 {
				t.Errorf("%s has a cursor at %d", name, cursor.Places[0].Offset)
			}
		}
	})
}
