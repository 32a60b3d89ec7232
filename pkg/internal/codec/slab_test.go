package codec

import (
	"bytes"
	"testing"
)

func TestSlab(t *testing.T) {
	var s slab
	var taken [][]byte
	for n := range 2 * slabSize {
		piece := s.take(n)
		if len(piece) != n || cap(piece) != n {
			t.Fatalf("%d bytes were asked for, got %d with room for %d", n, len(piece), cap(piece))
		}
		if bytes.Count(piece, []byte{0}) != n {
			t.Fatalf("%d bytes are not all zero", n)
		}
		for i := range piece {
			piece[i] = byte(n) | 1
		}
		taken = append(taken, piece)
	}
	for n, piece := range taken {
		if bytes.Count(piece, []byte{byte(n) | 1}) != n {
			t.Fatalf("the piece of %d bytes was given away again", n)
		}
	}
}
