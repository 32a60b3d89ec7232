package feed

import (
	"slices"
	"sort"
	"sync"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// versions has the records of a table, and those that it had when a snapshot was taken that has yet to give them. A
// snapshot is a number and a place among the versions: so any number of them cost no more than what was replaced since the
// oldest one.
type versions struct {
	shared *tables

	mu       sync.RWMutex // guards what follows; taken after the locks of Log and Tail
	all      []*version   // in the order of their numbers; those that are gone have no record anymore
	gone     int          // how many of them
	last     uint64       // the number of the newest change
	replaced []*version   // that snapshots may still have to give, in the order in which they were replaced
	keeps    bool         // whether there are any
	views    []*snapshot  // the snapshots that wait, the oldest first
}

// version is a record of a table.
type version struct {
	record   *proxy.Record
	number   uint64 // when it came; 0 while the table is built
	replaced uint64 // when it was replaced; 0 while it is the newest of its key
}

// isIn tells whether the record is one of those that the table had at a number.
func (v *version) isIn(number uint64) bool {
	return v.number <= number && (v.replaced == 0 || v.replaced > number)
}

// add adds a record. One of a table that is built follows those that are there.
func (s *versions) add(r *proxy.Record, follows bool) *version {
	s.shared.charge(sizeOf(r))
	v := &version{record: r}
	if follows {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.append(v)
	}
	return v
}

// order adds versions without a number.
func (s *versions) order(all []*version) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, v := range all {
		s.append(v)
	}
}

func (s *versions) append(v *version) {
	s.last++
	v.number = s.last
	s.all = append(s.all, v)
}

// replace has the table not have versions anymore.
func (s *versions) replace(all ...*version) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.last++
	for _, v := range all {
		v.replaced = s.last
	}
	s.replaced = append(s.replaced, all...)
	s.collect()
}

// collect drops replaced versions that are of no snapshot. s.mu is held.
func (s *versions) collect() {
	n := len(s.replaced)
	if len(s.views) > 0 {
		number := s.views[0].number
		n = sort.Search(n, func(i int) bool { return s.replaced[i].replaced > number })
	}
	for _, v := range s.replaced[:n] {
		s.drop(v)
	}
	clear(s.replaced[:n])
	if s.replaced = s.replaced[n:]; len(s.replaced) == 0 {
		s.replaced = nil
	}
	if keeps := len(s.replaced) > 0; keeps != s.keeps {
		s.keeps = keeps
		s.shared.keep(s, keeps)
	}
	const few = 64 // not worth a pass
	if s.gone > len(s.all)/2+few {
		s.all = slices.DeleteFunc(s.all, func(v *version) bool { return v.record == nil })
		s.gone = 0
	}
}

// drop gives the record of a version back. s.mu is held.
func (s *versions) drop(v *version) {
	s.shared.charge(-sizeOf(v.record))
	v.record = nil
	if v.number > 0 {
		s.gone++
	}
}

// view notes a snapshot of what the table has now.
func (s *versions) view(by *snapshot) {
	s.mu.Lock()
	defer s.mu.Unlock()
	by.number, by.waits = s.last, true
	s.views = append(s.views, by)
}

// leave forgets a snapshot. It returns whether that has waited until now.
func (s *versions) leave(by *snapshot) (waited bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !by.waits {
		return false
	}
	by.waits = false
	i := slices.Index(s.views, by)
	s.views = slices.Delete(s.views, i, i+1)
	s.collect()
	return true
}

// endOldest ends the tail of the snapshot that has waited longest.
func (s *versions) endOldest() {
	s.mu.RLock()
	var oldest *snapshot
	if len(s.views) > 0 {
		oldest = s.views[0]
	}
	s.mu.RUnlock()
	if oldest != nil {
		oldest.giveUp()
	}
}

// next adds records of a snapshot that come behind a number, of at most some versions, and returns behind which number it
// has come. It returns false where nothing is left.
func (s *versions) next(into []*proxy.Record, number, behind uint64, most int) (records []*proxy.Record, at uint64, more bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	begin := sort.Search(len(s.all), func(i int) bool { return s.all[i].number > behind })
	for _, v := range s.all[begin:] {
		if v.number > number {
			return into, behind, false
		}
		if most--; most < 0 {
			return into, behind, true
		}
		if behind = v.number; v.record != nil && v.isIn(number) {
			into = append(into, v.record)
		}
	}
	return into, behind, false
}
