package socket

import (
	"slices"
	"sort"
)

// historySize is how many records of a partition are remembered exactly for commits by the client.
const historySize = 1 << 16

// history remembers which records of a partition were delivered on a connection: the last
// historySize, and up to two spans more, with their timestamps, older ones by their range of offsets.
type history struct {
	spans []span // offsets rise; all but the last are full, or end where delivery went back
	first int64  // offset of the first record ever added
	next  int64  // offset after the last record added; 0 before any
}

type delivered struct{ offset, timestamp int64 }

// add adds a record. If delivery went back, because the partition was assigned again at an earlier
// position or its log was truncated, the records from that offset on are dropped first.
func (h *history) add(offset, timestamp int64) {
	if offset < h.next {
		h.cut(offset)
	}
	if h.next == 0 || offset < h.first {
		h.first = offset
	}
	h.next = offset + 1
	h.last().add(delivered{offset, timestamp})
}

// last returns a span that is not full.
func (h *history) last() *span {
	if n := len(h.spans); n > 0 {
		if last := &h.spans[n-1]; last.count < spanSize {
			return last
		}
		h.spans[n-1].seal()
	}
	if n := len(h.spans); n > 0 && h.count()-h.spans[0].count >= historySize {
		h.spans = slices.Delete(h.spans, 0, 1)
	}
	h.spans = append(h.spans, span{})
	return &h.spans[len(h.spans)-1]
}

// count returns how many records are remembered exactly.
func (h *history) count() int {
	count := 0
	for i := range h.spans {
		count += h.spans[i].count
	}
	return count
}

// cut drops the records from an offset on.
func (h *history) cut(offset int64) {
	n := h.find(offset)
	h.spans = slices.Delete(h.spans, n, len(h.spans))
	if n > 0 && h.spans[n-1].last.offset >= offset {
		h.spans[n-1] = h.spans[n-1].before(offset)
	}
}

// forget remembers all records by their range only.
func (h *history) forget() { h.spans = nil }

// find returns the index of the first span that begins at or beyond offset.
func (h *history) find(offset int64) int {
	return sort.Search(len(h.spans), func(i int) bool { return h.spans[i].first.offset >= offset })
}

// holds tells whether the record was delivered.
func (h *history) holds(offset, timestamp int64) bool {
	if offset < h.first || offset >= h.next {
		return false
	}
	if len(h.spans) == 0 || offset < h.spans[0].first.offset {
		return true
	}
	return h.spans[h.find(offset+1)-1].holds(delivered{offset, timestamp})
}
