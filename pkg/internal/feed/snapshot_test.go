package feed

import (
	"testing"
	"testing/synctest"
)

// TestWhatFollowsASnapshotIsNotInIt has a tail begin with the newest records while the ring still has them, too.
func TestWhatFollowsASnapshotIsNotInIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, 1, 1<<20)
		live := r.open(TailOptions{})
		r.fetch(r.write(0, "a", "a", "b")...)
		live.want("record:0:0:0", "record:0:1:0", "record:0:2:0")
		tail := r.open(TailOptions{Snapshot: true})
		tail.want("snapshot:false:2:0", "record:0:1:0", "record:0:2:0", "snapshot:true:2:0")
		r.fetch(r.write(0, "b")...)
		tail.want("record:0:3:0")
	})
}
