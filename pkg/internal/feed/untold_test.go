package feed

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// TestACursorIsNotBehindAGapThatIsNotTold: a client that is cut off after the cursor would never learn of the gap.
func TestACursorIsNotBehindAGapThatIsNotTold(t *testing.T) {
	earlier := TopicCursor{"t", [16]byte{1}, proxy.Places{0: {Offset: 7}}}
	cases := map[string]struct {
		begin  TailOptions
		happen func(r *rig, tail *rigTail)
		before TopicCursor
		gap    string
		behind int64
	}{
		"who skips": {
			TailOptions{Slow: SlowSkip},
			func(r *rig, tail *rigTail) {
				r.fetch(r.write(0, "a", "b", "c")...)
				tail.frames()
			},
			TopicCursor{Topic: "t", Places: proxy.Places{0: {Epoch: -1}}},
			"SLOW:0:0:3", 3,
		},
		"who reads a log that has expired": {
			TailOptions{},
			func(r *rig, tail *rigTail) {
				r.write(0, "a", "b")
				r.kafka.change(func() { p := r.kafka.partitions[0]; p.records, p.begin = nil, p.end })
				r.fetchGaps()
				tail.frames()
			},
			TopicCursor{Topic: "t", Places: proxy.Places{0: {Epoch: -1}}},
			"EXPIRED:0:0:2", 2,
		},
		"who was at another topic of the name": {
			TailOptions{Gaps: []proxy.Gap{{From: 0, To: 7, Reason: proxy.GapRecreated}}, Before: earlier},
			func(*rig, *rigTail) {}, earlier, "RECREATED:0:0:7", 0,
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, 1, 1)
				tail := r.open(c.begin)
				c.happen(r, tail)

				time.Sleep(2 * rigRetry)
				synctest.Wait()
				if got, text := tail.Cursor(); got.ID != c.before.ID || got.Places[0] != c.before.Places[0] || text != (Cursor{got}).String() {
					t.Errorf("before the gap the cursor is %+v, want %+v", got, c.before)
				}
				tail.want(c.gap)
				if got, _ := tail.Cursor(); got.ID != ([16]byte{}) || got.Places[0].Offset != c.behind {
					t.Errorf("behind the gap the cursor is %+v, want one at %d", got, c.behind)
				}
			})
		})
	}
}
