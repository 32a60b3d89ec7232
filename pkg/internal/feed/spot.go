package feed

import "github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"

// spot is where a tail is in a ring.
type spot struct {
	chunk uint64       // the number of the chunk that it reads, or of the next one while index is nil
	index *index       // of the chunk; nil where that has yet to begin
	read  int          // how many of its records were given, or left out
	ahead proxy.Places // where the tail was given more of a partition, before it joined the ring, than the ring has up to here
	begin proxy.Places // the places of the tail while index is nil
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
		if begin := x.begin[partition]; begin.Offset >= until.Offset && !until.IsOlder(begin.Epoch) {
			delete(s.ahead, partition)
		}
	}
}

// take appends frames of the spot's chunk while dst is shorter than size. It returns false where the tail must look
// at the log again: see proxy.Place.isOlder.
func (s *spot) take(dst []byte, c *chunk, size int) ([]byte, bool) {
	for ; len(s.ahead) > 0 && s.read < len(c.offsets) && len(dst) < size; s.read++ {
		if until, is := s.ahead[c.partitions[s.read]]; is {
			if until.IsOlder(c.epochs[s.read]) {
				return dst, false
			}
			if c.offsets[s.read] < until.Offset {
				continue
			}
			delete(s.ahead, c.partitions[s.read])
		}
		dst = append(dst, c.frames[c.start(s.read):c.ends[s.read]]...)
	}
	if len(s.ahead) > 0 {
		return dst, true
	}
	from := c.start(s.read)
	for s.read < len(c.offsets) && len(dst)+c.start(s.read)-from < size {
		s.read++
	}
	return append(dst, c.frames[from:c.start(s.read)]...), true
}

// places returns the places of the tail.
func (s *spot) places() proxy.Places {
	if s.index == nil {
		return s.begin.Clone()
	}
	places := s.index.places(s.read)
	for partition, until := range s.ahead {
		places.Advance(partition, until)
	}
	return places
}
