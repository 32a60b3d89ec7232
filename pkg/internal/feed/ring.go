package feed

import (
	"slices"
	"sort"
	"sync"
	"sync/atomic"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// encode appends the frame of a record.
type encode func(dst []byte, r *proxy.Record) []byte

// ring holds the newest frames of a log in one variant. One goroutine appends, any number read.
type ring struct {
	memory *memory
	chunk  int // bytes of frames from which on another chunk is begun
	encode encode
	making sync.Mutex // held by who makes forms; taken before mu
	maker  maker      // guarded by making

	moves atomic.Uint64 // counts what advanceHigh has done

	mu     sync.RWMutex // guards what follows
	chunks []chunk
	first  uint64 // the number of chunks[0]: chunks are numbered from 0 on
	high   proxy.Places
	held   int64 // bytes
}

// newRing returns a ring that gets the records from begin on. It must be closed.
func newRing(m *memory, chunk int, begin proxy.Places, encode encode) *ring {
	r := &ring{memory: m, chunk: chunk, high: begin.Clone(), encode: encode}
	m.add(r)
	return r
}

// close gives the memory back.
func (r *ring) close() { r.memory.remove(r) }

// append adds records with their keys, which are those that follow the ones before in each of their partitions. next are
// the places behind them, beyond offsets that hold no record. It returns where the first record lies; the others follow.
func (r *ring) append(records []proxy.Record, keys []key, next proxy.Places) (first location) {
	first = r.appendAll(records, keys, next)
	r.memory.makeRoom()
	return first
}

func (r *ring) appendAll(records []proxy.Record, keys []key, next proxy.Places) (first location) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := range records {
		at := r.appendRecord(&records[i], keys[i])
		if i == 0 {
			first = at
		}
	}
	r.advanceHigh(next)
	return first
}

// advanceHigh moves the end behind offsets of which the ring has no record. It returns whether it was before. r.mu is held.
func (r *ring) advanceHigh(to proxy.Places) (moved bool) {
	further := to.Beyond(r.high)
	r.high.AdvanceAll(to)
	if len(further) == 0 {
		return false
	}
	if n := len(r.chunks); n > 0 {
		r.chunks[n-1].move(further)
	}
	r.moves.Add(1)
	return true
}

// appendRecord adds a record. r.mu is held.
func (r *ring) appendRecord(record *proxy.Record, k key) location {
	c := r.filling()
	before := len(c.frames)
	c.frames = r.encode(c.frames, record)
	c.add(record, len(c.frames))
	c.addKey(k)
	grown := int64(len(c.frames) - before + len(k.text))
	r.held += grown
	r.memory.charge(grown)
	r.high[record.Partition] = proxy.Place{Offset: record.Offset + 1, Epoch: record.Epoch}
	return location{r.first + uint64(len(r.chunks)) - 1, len(c.offsets) - 1}
}

// appendConflated adds a frame that stands for left further records. safe is the place behind which nothing is missing.
func (r *ring) appendConflated(frame []byte, record *proxy.Record, left int, safe proxy.Place) location {
	at := r.appendConflatedFrame(frame, record, left, safe)
	r.memory.makeRoom()
	return at
}

func (r *ring) appendConflatedFrame(frame []byte, record *proxy.Record, left int, safe proxy.Place) location {
	r.mu.Lock()
	defer r.mu.Unlock()
	c := r.filling()
	c.frames = append(c.frames, frame...)
	c.add(record, len(c.frames))
	c.safe, c.left = append(c.safe, safe), append(c.left, left)
	r.held += int64(len(frame))
	r.memory.charge(int64(len(frame)))
	r.high.Advance(record.Partition, safe)
	return location{r.first + uint64(len(r.chunks)) - 1, len(c.offsets) - 1}
}

// advance moves the end behind offsets of which the ring has no record. It returns whether it was before.
func (r *ring) advance(to proxy.Places) (moved bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.advanceHigh(to)
}

// placesAt returns the places of a tail that was given nothing before it joined the ring.
func (r *ring) placesAt(s *spot) proxy.Places {
	r.mu.RLock()
	defer r.mu.RUnlock()
	if s.index != nil {
		return s.index.placesBefore(s.read)
	}
	places := s.begin.Clone()
	if len(r.chunks) == 0 && s.chunk == r.first { // at the end
		places.AdvanceAll(r.high)
	}
	return places
}

// restart drops all frames, and goes on from places. No spot of before is valid afterwards, not even one at the end.
func (r *ring) restart(from proxy.Places) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.first += uint64(len(r.chunks)) + 2
	r.memory.charge(-r.held)
	r.chunks, r.held, r.high = nil, 0, from.Clone()
}

// filling returns the chunk that gets the next frame. r.mu is held.
func (r *ring) filling() *chunk {
	if n := len(r.chunks); n == 0 || len(r.chunks[n-1].frames) >= r.chunk {
		r.chunks = append(r.chunks, chunk{index: &index{mu: &r.mu, text: r.memory.texts.Add(1), begin: r.high.Clone()}})
	}
	return &r.chunks[len(r.chunks)-1]
}

// drop drops the oldest chunk, unless it is the only one.
func (r *ring) drop() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.chunks) < 2 {
		return
	}
	dropped := r.chunks[0].size()
	r.held -= dropped
	r.memory.charge(-dropped)
	kept := copy(r.chunks, r.chunks[1:])
	clear(r.chunks[kept:])
	r.chunks = r.chunks[:kept]
	r.first++
}

// hasDropped tells whether the ring has dropped the chunk with a number.
func (r *ring) hasDropped(number uint64) bool {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return number < r.first
}

// droppable returns how many bytes the ring holds that it can drop.
func (r *ring) droppable() int64 {
	r.mu.RLock()
	defer r.mu.RUnlock()
	if len(r.chunks) < 2 {
		return 0
	}
	return r.held
}

// end returns the spot behind all that the ring has.
func (r *ring) end() spot {
	r.mu.RLock()
	defer r.mu.RUnlock()
	s := r.endWith(nil)
	if s.index == nil {
		s.begin = r.high.Clone()
	}
	return s
}

// endWith returns the spot behind all that the ring has, for a tail that is there or further. r.mu is held.
func (r *ring) endWith(at proxy.Places) spot {
	s := spot{chunk: r.first + uint64(len(r.chunks)), begin: at}
	if n := len(r.chunks); n > 0 { // it may get more frames
		s.chunk--
		s.index = r.chunks[n-1].index
		s.read = len(s.index.offsets)
	}
	return s
}

// hasFrom tells whether the ring has all that comes after places, if these are of the same history.
func (r *ring) hasFrom(at proxy.Places) bool {
	r.mu.RLock()
	defer r.mu.RUnlock()
	if len(r.chunks) == 0 {
		return at.Passes(r.high)
	}
	return at.Passes(r.chunks[0].begin)
}

// join returns the spot for a tail at its places. It returns false where the ring does not have all that comes
// after them, or where that is not known: see proxy.Place.IsOlder. A tail that the ring knows to be of an earlier history
// would have to look at the log again at once, for ever while nobody can be asked about the partition.
func (r *ring) join(at proxy.Places) (spot, bool) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.joinHere(at)
}

// joinHere is join under the lock.
func (r *ring) joinHere(at proxy.Places) (spot, bool) {
	if at.Reaches(r.high) {
		s := r.endWith(at)
		s.ahead = at.Ahead(r.high)
		return s, true
	}
	for n, v := range slices.Backward(r.chunks) {
		if begin := v.begin; at.Reaches(begin) {
			s := spot{chunk: r.first + uint64(n), index: v.index, ahead: at.Ahead(begin)}
			return s, !r.isOther(&s)
		}
	}
	return spot{}, false
}

// isOther tells whether the records behind a spot show at once that what the tail was given before it may not be what the
// log has. r.mu is held.
func (r *ring) isOther(s *spot) bool {
	for partition, until := range s.ahead {
		if until.IsOlder(r.high[partition].Epoch) && r.isOtherIn(s, partition, until) {
			return true
		}
	}
	return false
}

// isOtherIn is isOther for a partition.
func (r *ring) isOtherIn(s *spot, partition int32, until proxy.Place) bool {
	from := s.read
	for number := s.chunk; number < r.first+uint64(len(r.chunks)); number++ {
		c := &r.chunks[number-r.first]
		for i := from; i < len(c.offsets); i++ {
			switch {
			case c.partitions[i] != partition:
			case until.IsOlder(c.epochs[i]):
				return true
			case c.offsets[i] >= until.Offset:
				return false
			}
		}
		from = 0
	}
	return false
}

// joinWanted is join for a tail with a selection without a filter. It has take called with where the records lie that the
// tail is yet to be given, and may be given again, in their order. It returns false, too, if take does.
func (r *ring) joinWanted(at proxy.Places, selection *Selection, take func(c *chunk, at location) bool) (joined spot, ok bool) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	if joined, ok = r.joinHere(at); !ok || joined.isOlderThan(r.high) {
		return spot{}, false
	}
	ok = r.walk(joined.chunk, joined.read, func(c *chunk, at location) bool {
		return !c.wants(at.record, selection) || take(c, at)
	})
	return joined, ok
}

// joinListed is joinWanted where it is known where the records lie that meet the filter of the selection, and which
// records are wanted that came later.
func (r *ring) joinListed(at proxy.Places, by *Selection, lie []location, later []queued, take func(c *chunk, at location) bool) (joined spot, ok bool) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	if joined, ok = r.joinHere(at); !ok || joined.isOlderThan(r.high) {
		return spot{}, false
	}
	begin := location{joined.chunk, joined.read}
	lie = lie[sort.Search(len(lie), func(i int) bool { return !lie[i].isBefore(begin) }):]
	for _, at := range lie {
		if c := r.chunkOf(at); c == nil || c.wants(at.record, by) && !take(c, at) {
			return spot{}, false
		}
	}
	for i := range later {
		if later[i].isBefore(begin) { // the ring has come to where the tail is
			continue
		}
		if c := r.chunkOf(later[i].location); c == nil || !take(c, later[i].location) {
			return spot{}, false
		}
	}
	return joined, true
}

// chunkOf returns the chunk of a record, or nil where the ring does not have it. r.mu is held.
func (r *ring) chunkOf(at location) *chunk {
	if at.chunk < r.first || at.chunk >= r.first+uint64(len(r.chunks)) {
		return nil
	}
	return &r.chunks[at.chunk-r.first]
}

// walk has take called with all records from one on, in their order, while it returns true. r.mu is held.
func (r *ring) walk(number uint64, record int, take func(c *chunk, at location) bool) (all bool) {
	for number = max(number, r.first); number < r.first+uint64(len(r.chunks)); number++ {
		c := &r.chunks[number-r.first]
		for ; record < len(c.offsets); record++ {
			if !take(c, location{number, record}) {
				return false
			}
		}
		record = 0
	}
	return true
}

// canJoin tells whether join would return a spot for a tail that learns of no truncation there.
func (r *ring) canJoin(at proxy.Places) bool {
	r.mu.RLock()
	defer r.mu.RUnlock()
	joined, ok := r.joinHere(at)
	return ok && !joined.isOlderThan(r.high)
}

// read has take called with frames from a spot on, at most most, in the forms that the peer of a window is given, while
// take returns true. It moves the spot behind them. take must be quick: the ring cannot grow meanwhile.
func (r *ring) read(s *spot, most int, w *Window, take func(frame []byte) (more bool)) (given int, end takeEnd) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	for given < most {
		if s.isDone() && !r.next(s) {
			if s.number() < r.first {
				return given, dropped
			}
			return given, goesOn
		}
		if s.chunk < r.first {
			return given, dropped
		}
		n, end := s.take(&r.chunks[s.chunk-r.first], most-given, w, take)
		if given += n; end != goesOn {
			return given, end
		}
	}
	return given, goesOn
}

// readAt is read for one record, of which the spot is in front.
func (r *ring) readAt(at location, s *spot, w *Window, take func(frame []byte) (more bool)) (given int, end takeEnd) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	if at.chunk < r.first || at.chunk >= r.first+uint64(len(r.chunks)) {
		return 0, dropped
	}
	c := &r.chunks[at.chunk-r.first]
	if len(s.ahead) > 0 && s.isOlderThan(c.placesBefore(at.record)) {
		return 0, otherHistory
	}
	if s.index != c.index {
		s.enter(at.chunk, c.index)
	}
	s.read = at.record
	has, older := s.hasBefore(c.partitions[s.read], c.offsets[s.read], c.epochs[s.read])
	if older {
		return 0, otherHistory
	}
	if has {
		s.read++
		return 0, goesOn
	}
	frame, isMade := w.give(c, at.record)
	if !isMade {
		return 0, lacksForm
	}
	s.read++
	s.count(c.index, at.record)
	if !take(frame) {
		return 1, full
	}
	return 1, goesOn
}

// after returns where the record behind one lies, which has been appended.
func (r *ring) after(at location) location {
	r.mu.RLock()
	defer r.mu.RUnlock()
	if at.record++; at.chunk >= r.first && at.record == len(r.chunks[at.chunk-r.first].offsets) {
		return location{at.chunk + 1, 0}
	}
	return at
}

// places returns the places behind all that the ring was given.
func (r *ring) places() proxy.Places {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.high.Clone()
}

// next moves a spot that has read all of its chunk to the next one. It returns false if the ring does not have that
// anymore, or not yet. r.mu is held.
func (r *ring) next(s *spot) bool {
	number := s.number()
	if number < r.first || number >= r.first+uint64(len(r.chunks)) {
		return false
	}
	s.enter(number, r.chunks[number-r.first].index)
	return true
}
