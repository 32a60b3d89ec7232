package feed

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// held returns what the tables hold, and compares that with what the budget of the process was told.
func (r *rig) held() int64 {
	r.t.Helper()
	held := r.log.tables.held.Load()
	if r.charged != held {
		r.t.Errorf("the tables hold %d bytes, and the budget was told of %d", held, r.charged)
	}
	return held
}

// newChargedRig returns a rig whose tables may hold so much, and tell what they do.
func newChargedRig(t *testing.T, limit int64) *rig {
	t.Helper()
	r := newRig(t, 1, 1<<20)
	r.log.tables.limit = limit
	r.log.tables.used = func(change int64) { r.charged += change }
	return r
}

// TestWhatASnapshotStillHasIsCharged has records replaced that a snapshot has yet to give. They are held until it has given
// them all, or its tail is closed; another snapshot at the same place costs nothing.
func TestWhatASnapshotStillHasIsCharged(t *testing.T) {
	for name, end := range map[string]func(*rigTail){
		"given": func(c *rigTail) {
			c.want("snapshot:false:0:0", "record:0:0:0", "record:0:1:0", "snapshot:true:2:0", "record:0:2:0", "record:0:3:0")
		},
		"closed": func(c *rigTail) { c.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newChargedRig(t, 1<<20)
				r.fetch(r.write(0, "a", "b")...)
				first := r.openOnce(TailOptions{Snapshot: true})
				alone := r.held()
				second := r.openOnce(TailOptions{Snapshot: true})
				if got := r.held(); got != alone {
					t.Errorf("%d bytes are held with another snapshot, want %d", got, alone)
				}
				r.fetch(r.write(0, "a", "b")...)
				if got := r.held(); got != 2*alone {
					t.Errorf("%d bytes are held while snapshots wait, want %d", got, 2*alone)
				}
				end(first)
				if got := r.held(); got != 2*alone {
					t.Errorf("%d bytes are held while one snapshot waits, want %d", got, 2*alone)
				}
				end(second)
				if got := r.held(); got != alone {
					t.Errorf("%d bytes are held behind the snapshots, want %d", got, alone)
				}
			})
		})
	}
}

// TestASnapshotIsOfOneMoment has a key removed between two snapshots, of which neither is given before both are taken.
func TestASnapshotIsOfOneMoment(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, 1, 1<<20)
		r.fetch(r.write(0, "a", "b")...)
		before := r.open(TailOptions{Snapshot: true})
		tombstone := r.write(0, "a")
		tombstone[0].Value = nil
		r.fetch(tombstone...)
		behind := r.open(TailOptions{Snapshot: true})
		behind.want("snapshot:false:0:0", "record:0:1:0", "snapshot:true:1:0")
		before.want("snapshot:false:0:0", "record:0:0:0", "record:0:1:0", "snapshot:true:2:0", "record:0:2:0")
	})
}

// TestWhoTakesNoSnapshotCostsNoOther has clients take nothing of their snapshots while all records are replaced, again and
// again: those that have waited longest are ended, and the table stays for others.
func TestWhoTakesNoSnapshotCostsNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const limit = 3000 // four records of a table, and as many that were replaced
		r := newChargedRig(t, limit)
		var stalled []*rigTail
		for range 20 {
			r.fetch(r.write(0, "a", "b", "c", "d")...)
			stalled = append(stalled, r.openOnce(TailOptions{Snapshot: true}))
			if held := r.held(); held > limit {
				t.Fatalf("%d bytes are held, more than %d", held, limit)
			}
		}
		if err := stalled[0].Err(); !errors.Is(err, errSlowSnapshot) {
			t.Errorf("the one that has waited longest has ended with %v", err)
		}
		last := stalled[len(stalled)-1]
		last.want("snapshot:false:0:0", "record:0:76:0", "record:0:77:0", "record:0:78:0", "record:0:79:0", "snapshot:true:4:0")
		if proxy.AsError(errSlowSnapshot).Kind != proxy.KindOverloaded {
			t.Error("who was ended is not told to try again")
		}
	})
}

// TestASnapshotOfFewAmongManyLetsOthersHaveTheirTurn has one key of many wanted: it is found in several turns.
func TestASnapshotOfFewAmongManyLetsOthersHaveTheirTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, 1, 1<<30)
		r.log.tables.limit = 1 << 30
		var keys []string
		for n := range 3 * mostLooked {
			keys = append(keys, fmt.Sprint(n))
		}
		r.fetch(r.write(0, keys...)...)
		woken := 0
		tail := r.open(TailOptions{Snapshot: true, Selection: ofKeys(keys[len(keys)-1]), Wake: func() { woken++ }})
		var all []string
		turns := 0
		for before := -1; woken > before; turns++ {
			before = woken
			all = append(all, tail.frames()...)
		}
		want := fmt.Sprintf("snapshot:false:0:0 record:0:%d:0 snapshot:true:1:0", len(keys)-1)
		if got := strings.Join(all, " "); got != want || turns < 3 {
			t.Errorf("%d turns give %q, want %q", turns, got, want)
		}
	})
}

// TestWhoTakesThePlaceOfOneThatWasEndedHasEnded has the snapshot of a tail given up when another one has just taken it over.
func TestWhoTakesThePlaceOfOneThatWasEndedHasEnded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, 1, 1<<20)
		r.fetch(r.write(0, "a")...)
		old := r.open(TailOptions{Snapshot: true})
		waiting := old.newest[0]
		place, _ := old.Cursor()
		again := r.open(TailOptions{At: place.Places})
		again.Inherit(old.Tail)
		waiting.giveUp()
		if err := again.Err(); !errors.Is(err, errSlowSnapshot) {
			t.Errorf("the one that took the place has ended with %v", err)
		}
	})
}
