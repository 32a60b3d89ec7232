package codec

// slabSize is the size of a slab. It is no more than what the memory budget counts for a record apart from its
// bytes, so that a record that outlives those beside it does not hold more than it is charged for.
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
