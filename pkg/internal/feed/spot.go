package feed

import (
	"maps"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// spot is where a tail is in a ring.
type spot struct {
	chunk uint64       // the number of the chunk that it reads, or of the next one while index is nil
	index *index       // of the chunk; nil where that has yet to begin
	read  int          // how many of its records were given, or left out
	ahead proxy.Places // where the tail was given more of a partition, before it joined the ring, than the ring has up to here
	begin proxy.Places // the places of the tail while index is nil
	left  int          // how many records those that were given stand for besides themselves, not yet counted
}

// isDone tells whether nothing of the chunk is left. The last chunk may grow.
func (s *spot) isDone() bool { return s.index == nil || s.read == len(s.index.offsets) }

// number returns the number of the chunk that follows one that is done.
func (s *spot) number() uint64 {
	if s.index == nil {
		return s.chunk
	}
	return s.chunk + 1
}

// enter moves the spot to the begin of a chunk.
func (s *spot) enter(number uint64, x *index) {
	s.chunk, s.index, s.read, s.begin = number, x, 0, nil
	for partition, until := range s.ahead {
		if begin := x.begin[partition]; begin.HasPassed(until) && !until.IsOlder(begin.Epoch) {
			delete(s.ahead, partition)
		}
	}
}

// takeEnd tells why taking frames has ended.
type takeEnd uint8

const (
	goesOn       takeEnd = iota // at the end of the chunk, or with the most frames
	full                        // the taker has enough
	otherHistory                // the tail must look at the log again: see proxy.Place.IsOlder
	dropped                     // the ring does not have the record anymore
	lacksForm                   // the frame that comes next must be compressed first
)

// take has take called with frames of the spot's chunk, at most most, in the forms that the peer of a window is given.
func (s *spot) take(c *chunk, most int, w *Window, take func(frame []byte) (more bool)) (given int, end takeEnd) {
	for ; s.read < len(c.offsets) && given < most; s.read++ {
		if len(s.ahead) > 0 {
			has, older := s.hasBefore(c.partitions[s.read], c.offsets[s.read], c.epochs[s.read])
			if older {
				return given, otherHistory
			}
			if has {
				continue
			}
		}
		frame, isMade := w.give(c, s.read)
		if !isMade {
			return given, lacksForm
		}
		given++
		s.count(c.index, s.read)
		if !take(frame) {
			s.read++
			return given, full
		}
	}
	return given, goesOn
}

// hasBefore tells whether the tail was given a record before it joined the ring.
func (s *spot) hasBefore(partition int32, offset int64, epoch int32) (has, older bool) {
	until, is := s.ahead[partition]
	switch {
	case !is:
		return false, false
	case until.IsOlder(epoch):
		return false, true
	case offset < until.Offset:
		return true, false
	}
	return false, false
}

// count notes that a record is given, behind which the tail is not ahead in its partition, and counts what it stands for.
func (s *spot) count(x *index, record int) {
	if len(s.ahead) > 0 && x.safe == nil { // else the offsets are not in order
		delete(s.ahead, x.partitions[record])
	}
	if x.left != nil {
		s.left += x.left[record]
	}
}

// places returns the places of the tail.
func (s *spot) places() proxy.Places {
	places := s.begin.Clone()
	if s.index != nil {
		places = s.index.places(s.read)
	}
	places.AdvanceAll(s.ahead)
	return places
}

// isBefore tells whether the spot is before another one of the same ring.
func (s *spot) isBefore(other *spot) bool {
	if s.chunk != other.chunk {
		return s.chunk < other.chunk
	}
	return s.read < other.read
}

// jump moves the spot to a later one, past records that the tail is not given. It returns false where one of these
// shows that what the tail was given before it joined the ring may not be what the log has.
func (s *spot) jump(to *spot) bool {
	ahead, left := s.ahead, s.left
	if len(ahead) > 0 {
		there := to.places()
		if s.isOlderThan(there) {
			return false
		}
		maps.DeleteFunc(ahead, func(partition int32, until proxy.Place) bool { return there[partition].HasPassed(until) })
	}
	*s = *to
	s.ahead, s.left = ahead, left
	return true
}

// isOlderThan tells whether places that the ring has come to are of a later history than what the tail was given before
// it joined the ring.
func (s *spot) isOlderThan(there proxy.Places) bool {
	for partition, until := range s.ahead {
		if until.IsOlder(there[partition].Epoch) {
			return true
		}
	}
	return false
}

// skipTo leaves out what lies before places that are beyond the end of the ring.
func (s *spot) skipTo(at proxy.Places, r *ring) {
	for partition, place := range at.Beyond(r.places()) {
		if place.IsTime() { // the ring began at an earlier time, with the same record
			continue
		}
		if s.ahead == nil {
			s.ahead = proxy.Places{}
		}
		s.ahead.Advance(partition, place)
	}
}

// location is where a record lies in a ring.
type location struct {
	chunk  uint64 // its number
	record int    // of the chunk
}

// isBefore tells whether the record comes before another one.
func (l location) isBefore(other location) bool {
	return l.chunk < other.chunk || l.chunk == other.chunk && l.record < other.record
}
