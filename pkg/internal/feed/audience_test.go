package feed

import (
	"fmt"
	"slices"
	"testing"
	"testing/synctest"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// TestARingBeginsAnewAfterATruncation: its tails are told by the log, and are not given what was truncated.
func TestARingBeginsAnewAfterATruncation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, 1, 1<<20)
		tail := r.open(TailOptions{})
		r.fetch(r.write(0, "a", "b", "c")...)
		tail.want("record:0:0:0", "record:0:1:0", "record:0:2:0")
		r.kafka.change(func() { r.kafka.partitions[0].truncate(2) })
		after := r.write(0, "d")
		r.fetchGaps()
		r.fetch(after...)
		tail.want("TRUNCATED:0:1:3", "record:0:1:1")
	})
}

// TestACursorIsOfTheHistoryOfItsTail has a tail learn of a place that is truncated then, while the ring never has a record.
func TestACursorIsOfTheHistoryOfItsTail(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, 1, 1<<20)
		want := func(tail *rigTail, offset int64) {
			t.Helper()
			if cursor, _ := tail.Cursor(); cursor.Places[0].Offset != offset {
				t.Errorf("the cursor is at %d, want %d", cursor.Places[0].Offset, offset)
			}
		}
		before := r.open(TailOptions{})
		r.write(0, "a", "b", "c")
		r.log.deliver(proxy.Batch{Next: proxy.Places{0: {Offset: 3}}})
		want(before, 3)
		r.kafka.change(func() { r.kafka.partitions[0].truncate(2) })
		r.fetchGaps()
		want(r.open(TailOptions{}), 1)
	})
}

// TestARingBeginsAnewAfterAGap: that is no fault of tails that must keep up.
func TestARingBeginsAnewAfterAGap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, 1, 1<<20)
		tail := r.open(TailOptions{Slow: SlowClose})
		r.fetch(r.write(0, "a")...)
		tail.want("record:0:0:0")
		r.kafka.change(func() {
			p := r.kafka.partitions[0]
			p.begin, p.end, p.records = 5, 5, nil
		})
		r.fetchGaps()
		tail.want("EXPIRED:0:1:5")
		if err := tail.Err(); err != nil {
			t.Errorf("the tail ended: %v", err)
		}
	})
}

// TestACursorIsNotBehindWhatIsYetToBeQueued has the writer of a tail with a selection look after the ring has got a
// record, and before it is known who wants that.
func TestACursorIsNotBehindWhatIsYetToBeQueued(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, routed := newRig(t, 1, 1<<20), func() {}
		allowed := &Allowed{Rule: "any", Keys: func(string) bool {
			routed() // the audience asks who wants the record
			return true
		}}
		tail := r.open(TailOptions{Selection: &Selection{Partition: proxy.AnyPartition, Keys: keySet("a"), Allowed: allowed}})
		at := func() int64 {
			cursor, _ := tail.Cursor()
			return cursor.Places[0].Offset
		}
		routed = func() {
			if frames := tail.frames(); len(frames) > 0 || at() != 0 {
				t.Errorf("before the record is queued %q is given, and the cursor is at %d", frames, at())
			}
		}
		r.fetch(r.write(0, "a")...)
		routed = func() {}
		tail.want("record:0:0:0")
		if at() != 1 {
			t.Errorf("behind the record the cursor is at %d", at())
		}
	})
}

// TestKeysThatNobodyHasAskedForCostNoAllocationEach: the ring keeps them for tails that join it later.
func TestKeysThatNobodyHasAskedForCostNoAllocationEach(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, 1, 1<<20)
		all, records := r.open(TailOptions{}), make([]proxy.Record, 100)
		for i := range records {
			records[i].Offset, records[i].Key = int64(i), fmt.Appendf(nil, "%d", i)
		}
		records[7].Key, records[8].Key = nil, []byte{}
		keys := all.audience.keysOf(records)
		const ofBatch = 2 // the keys and their texts
		if got := testing.AllocsPerRun(10, func() { all.audience.keysOf(records) }); got > ofBatch {
			t.Errorf("%d keys cost %v allocations, want at most %d", len(records), got, ofBatch)
		}
		r.open(TailOptions{Selection: ofKeys("1")})
		if got := all.audience.keysOf(records); !slices.Equal(got, keys) {
			t.Errorf("the keys are %v, and %v where a tail asks for some", keys, got)
		}
	})
}
