package feed

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// TestWhatFollowsASnapshotIsNotInIt has a tail begin with the newest records while the ring still has them, too.
func TestWhatFollowsASnapshotIsNotInIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, 1, 1<<20)
		live := r.open(TailOptions{})
		r.fetch(r.write(0, "a", "a", "b")...)
		live.want("record:0:0:0", "record:0:1:0", "record:0:2:0")
		tail := r.open(TailOptions{Snapshot: true})
		tail.want("snapshot:false:0:0", "record:0:1:0", "record:0:2:0", "snapshot:true:2:0")
		r.fetch(r.write(0, "b")...)
		tail.want("record:0:3:0")
	})
}

// TestASnapshotHasWhatIsWantedAlone has a tail whose records are conflated begin with the newest ones: what is left out
// before records are conflated is left out of these, too.
func TestASnapshotHasWhatIsWantedAlone(t *testing.T) {
	allowed := &Allowed{Rule: "b", Keys: func(key string) bool { return key == "b" }}
	for name, s := range map[string]*Selection{
		"by a prefix":          {Partition: proxy.AnyPartition, Prefixes: []string{"b"}},
		"by a partition":       {Partition: 1},
		"by a rule":            {Partition: proxy.AnyPartition, Allowed: allowed},
		"by a rule and by key": {Partition: proxy.AnyPartition, Allowed: allowed, Keys: map[string]struct{}{"a": {}, "b": {}}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, 2, 1<<20)
				r.fetch(r.write(0, "a")...)
				r.fetch(r.write(1, "b")...)
				tail := r.open(TailOptions{Snapshot: true, Selection: s, Every: time.Second, Slow: SlowLatest})
				tail.want("snapshot:false:0:0", "record:1:0:0", "snapshot:true:1:0")
			})
		})
	}
}
