package feed

import (
	"sync"
	"sync/atomic"
)

// memory is what the rings of all logs share. It bounds what they hold together; a ring keeps its newest chunk in any case.
type memory struct {
	limit      int64       // bytes of frames, and of their compressed forms
	used       func(int64) // is told each change of what is held; may be nil
	compressor Compressor  // nil where nothing is to be compressed
	held       atomic.Int64
	texts      atomic.Uint64 // counts the chunks that there ever were

	mu    sync.Mutex    // guards rings
	rings map[*ring]int // how many tails read it
}

func newMemory(o *Options) *memory {
	return &memory{limit: o.RingBytes, used: o.Used, compressor: o.Compressor, rings: map[*ring]int{}}
}

func (m *memory) charge(bytes int64) {
	m.held.Add(bytes)
	if m.used != nil {
		m.used(bytes)
	}
}

func (m *memory) add(r *ring) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.rings[r] = 0
}

// use counts more or fewer tails of a ring.
func (m *memory) use(r *ring, tails int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, has := m.rings[r]; has {
		m.rings[r] += tails
	}
}

func (m *memory) remove(r *ring) {
	m.mu.Lock()
	_, has := m.rings[r]
	delete(m.rings, r)
	m.mu.Unlock()
	if has {
		r.restart(nil)
	}
}

// makeRoom drops chunks of the rings with the fewest tails until no more is held than the limit, or nothing can be
// dropped.
func (m *memory) makeRoom() {
	if m.held.Load() <= m.limit {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for m.held.Load() > m.limit {
		least := m.leastUsed()
		if least == nil {
			return
		}
		least.drop()
	}
}

// leastUsed returns the ring with the fewest tails of those that can drop something, the largest one of several.
// m.mu is held.
func (m *memory) leastUsed() (least *ring) {
	var size int64
	for r, tails := range m.rings {
		can := r.droppable()
		if can > 0 && (least == nil || tails < m.rings[least] || tails == m.rings[least] && can > size) {
			least, size = r, can
		}
	}
	return least
}
