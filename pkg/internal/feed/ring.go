package feed

import (
	"sync"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// encode appends the frame of a record.
type encode func(dst []byte, r *proxy.Record) []byte

// ring holds the newest frames of a log in one variant. One goroutine appends, any number read.
type ring struct {
	limit  int // bytes of frames; one chunk is always kept
	chunk  int // bytes of frames from which on another chunk is begun
	encode encode

	mu     sync.RWMutex // guards what follows
	chunks []chunk
	first  uint64 // the number of chunks[0]: chunks are numbered from 0 on
	high   proxy.Places
	held   int // bytes of frames
}

// newRing returns a ring that gets the records from begin on.
func newRing(limit, chunk int, begin proxy.Places, encode encode) *ring {
	return &ring{limit: limit, chunk: chunk, high: begin.Clone(), encode: encode}
}

// append adds records, which are those that follow the ones before in each of their partitions. next are the places
// behind them, beyond offsets that hold no record.
func (r *ring) append(records []proxy.Record, next proxy.Places) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := range records {
		record := &records[i]
		c := r.filling()
		before := len(c.frames)
		c.frames = r.encode(c.frames, record)
		c.partitions = append(c.partitions, record.Partition)
		c.offsets = append(c.offsets, record.Offset)
		c.epochs = append(c.epochs, record.Epoch)
		c.ends = append(c.ends, len(c.frames))
		r.held += len(c.frames) - before
		r.high[record.Partition] = proxy.Place{record.Offset + 1, record.Epoch}
	}
	for partition, place := range next {
		r.high.Advance(partition, place)
	}
	r.trim()
}

// restart drops all frames, and goes on from places. No spot of before is valid afterwards, not even one at the end.
func (r *ring) restart(from proxy.Places) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.first += uint64(len(r.chunks)) + 2
	r.chunks, r.held, r.high = nil, 0, from.Clone()
}

// filling returns the chunk that gets the next frame. r.mu is held.
func (r *ring) filling() *chunk {
	if n := len(r.chunks); n == 0 || len(r.chunks[n-1].frames) >= r.chunk {
		r.chunks = append(r.chunks, chunk{index: &index{begin: r.high.Clone()}})
	}
	return &r.chunks[len(r.chunks)-1]
}

// trim drops the oldest chunks of a ring that is full. r.mu is held.
func (r *ring) trim() {
	n := 0
	for r.held > r.limit && n < len(r.chunks)-1 {
		r.held -= len(r.chunks[n].frames)
		n++
	}
	if n == 0 {
		return
	}
	kept := copy(r.chunks, r.chunks[n:])
	clear(r.chunks[kept:])
	r.chunks = r.chunks[:kept]
	r.first += uint64(n)
}

// end returns the spot behind all that the ring has.
func (r *ring) end() spot {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.endWith(r.high.Clone())
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
// after them, or where that is not known: see proxy.Place.isOlder.
func (r *ring) join(at proxy.Places) (spot, bool) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	if at.Reaches(r.high) {
		s := r.endWith(at)
		s.ahead = at.Beyond(r.high)
		return s, true
	}
	for n := len(r.chunks) - 1; n >= 0; n-- {
		if begin := r.chunks[n].begin; at.Reaches(begin) {
			return spot{chunk: r.first + uint64(n), index: r.chunks[n].index, ahead: at.Beyond(begin)}, true
		}
	}
	return spot{}, false
}

// read appends frames from a spot on while dst is shorter than size, and moves the spot behind them. It returns false
// where the ring does not have what comes next: the tail goes on from the places of its spot, in the log.
func (r *ring) read(dst []byte, s *spot, size int) ([]byte, bool) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	for len(dst) < size {
		if s.isDone() && !r.next(s) {
			return dst, s.number() >= r.first
		}
		if s.chunk < r.first {
			return dst, false
		}
		var same bool
		if dst, same = s.take(dst, &r.chunks[s.chunk-r.first], size); !same {
			return dst, false
		}
	}
	return dst, true
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
