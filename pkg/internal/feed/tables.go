package feed

import (
	"sync"
	"sync/atomic"
)

// tables bounds what the tables of all logs hold together, with what snapshots that wait still have of them.
type tables struct {
	limit int64
	used  func(int64)  // is told each change of what is held; may be nil
	held  atomic.Int64 // bytes of records

	mu      sync.Mutex             // guards what follows; no other lock is taken under it
	keeping map[*versions]struct{} // those that hold records for snapshots alone
}

func (t *tables) charge(bytes int64) {
	t.held.Add(bytes)
	if t.used != nil {
		t.used(bytes)
	}
}

// keep notes whether a table holds records for snapshots alone.
func (t *tables) keep(v *versions, keeps bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !keeps {
		delete(t.keeping, v)
		return
	}
	if t.keeping == nil {
		t.keeping = map[*versions]struct{}{}
	}
	t.keeping[v] = struct{}{}
}

// makeRoom ends the snapshots that have waited longest until no more is held than the limit. It returns false where none
// is left that holds a record which no table has anymore. So a client that takes nothing costs itself, and no other.
func (t *tables) makeRoom() (held int64, fits bool) {
	for {
		if held = t.held.Load(); held <= t.limit {
			return held, true
		}
		keeping := t.anyKeeping()
		if keeping == nil {
			return held, false
		}
		keeping.endOldest()
	}
}

func (t *tables) anyKeeping() *versions {
	t.mu.Lock()
	defer t.mu.Unlock()
	for v := range t.keeping {
		return v
	}
	return nil
}
