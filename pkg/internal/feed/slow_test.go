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
