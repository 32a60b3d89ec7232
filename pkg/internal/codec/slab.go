package codec

// slabSize is the size of a slab. A record that outlives those beside it keeps all of it, so that it is about
// what the memory budget counts for a short message: 768 bytes and twice its length.
const slabSize = 1 << 10

// slab provides memory for the bytes of records, one allocation for several short ones. It is for one goroutine.
type slab struct{ free []byte }

// take returns n bytes, which are zero.
func (s *slab) take(n int) []byte {
	if n > slabSize/2 {
		return make([]byte, n)
	}
	if n > len(s.free) {
		s.free = make([]byte, slabSize)
	}
	piece := s.free[:n:n]
	s.free = s.free[n:]
	return piece
}

// rest gives back what is left of the last slab.
func (s *slab) rest() { s.free = nil }
