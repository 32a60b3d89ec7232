package socket

import (
	"encoding/binary"
	"slices"
)

// spanSize is how many records a full span has: its search decodes half of them on average.
const spanSize = 256

// span is a run of delivered records whose offsets rise. It stores the first one, and of each other how its
// offset and timestamp differ from those of the record before: two or three bytes for most, where a pair
// of integers has 16.
type span struct {
	first, last delivered
	count       int
	differences []byte // a varint without and one with a sign for each record after the first
}

func (s *span) add(d delivered) {
	if s.count == 0 {
		s.first = d
	} else {
		s.differences = binary.AppendUvarint(s.differences, uint64(d.offset-s.last.offset))
		s.differences = binary.AppendVarint(s.differences, d.timestamp-s.last.timestamp)
	}
	s.last = d
	s.count++
}

// seal gives back the room of a full span for more records.
func (s *span) seal() { s.differences = slices.Clone(s.differences) }

// all yields the records in order.
func (s *span) all(yield func(delivered) bool) {
	d, rest := s.first, s.differences
	for i := range s.count {
		if i > 0 {
			offset, n := binary.Uvarint(rest)
			timestamp, m := binary.Varint(rest[n:])
			rest = rest[n+m:]
			d = delivered{d.offset + int64(offset), d.timestamp + timestamp}
		}
		if !yield(d) {
			return
		}
	}
}

func (s *span) holds(wanted delivered) bool {
	for d := range s.all {
		if d.offset >= wanted.offset {
			return d == wanted
		}
	}
	return false
}

// before returns the span without the records from an offset on.
func (s *span) before(offset int64) span {
	var part span
	for d := range s.all {
		if d.offset >= offset {
			break
		}
		part.add(d)
	}
	return part
}
