package feed

import (
	"testing"
	"testing/synctest"
)

// TestASkippingTail has a tail begin at the end of partition 1, which the ring has not come to yet, and fall behind in
// partition 0: it is told what it is not given, and is given nothing of what was before its begin.
func TestASkippingTail(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, 2, 1)
		before := r.write(1, "a", "a")
		tail := r.open(TailOptions{Slow: SlowSkip})
		r.fetch(r.write(0, "a", "a", "a")...)
		tail.want("SLOW:0:0:3")
		r.fetch(r.write(0, "a")...)
		tail.want("record:0:3:0")
		for _, record := range before {
			r.fetch(record)
			tail.want()
		}
		r.fetch(r.write(1, "a")...)
		tail.want("record:1:2:0")
	})
}

// TestASkippingTailIsToldOfATruncation has a tail begin at the end of a log that the ring has not come to yet. The log is
// truncated below that, and the ring comes further than the tail before that looks.
func TestASkippingTailIsToldOfATruncation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, 1, 1)
		r.write(0, "a", "a")
		tail := r.open(TailOptions{Slow: SlowSkip})
		r.kafka.change(func() { r.kafka.partitions[0].truncate(2) })
		for _, record := range r.write(0, "b", "b", "b") {
			r.fetch(record)
		}
		tail.want("TRUNCATED:0:0:2", "record:0:0:1", "record:0:1:1", "record:0:2:1")
	})
}
