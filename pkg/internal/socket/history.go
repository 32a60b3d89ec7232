package socket

import "sort"

const (
	// historySize is how many records of a partition are remembered exactly for commits by
	// the client.
	historySize = 1 << 16
	// historySlack is how many more are kept before the oldest are dropped together.
	historySlack = historySize / 4
)

// history remembers which records of a partition were delivered on a connection: the last
// historySize with their timestamps, older ones by their range of offsets.
type history struct {
	records []delivered // offsets rise
	first   int64       // offset of the first record ever added
	any     bool        // whether any record was added
}

type delivered struct{ offset, timestamp int64 }

// add adds a record. If delivery went back, because the partition was assigned again at an earlier
// position or its log was truncated, the records from that offset on are dropped first.
func (h *history) add(offset, timestamp int64) {
	if n := len(h.records); n > 0 && offset <= h.records[n-1].offset {
		h.records = h.records[:h.find(offset)]
	}
	if !h.any || offset < h.first {
		h.first, h.any = offset, true
	}
	h.records = append(h.records, delivered{offset, timestamp})
	if n := len(h.records); n > historySize+historySlack {
		h.records = h.records[:copy(h.records, h.records[n-historySize:])]
	}
}

// find returns the index of the first record at or beyond offset.
func (h *history) find(offset int64) int {
	return sort.Search(len(h.records), func(i int) bool { return h.records[i].offset >= offset })
}

// holds tells whether the record was delivered.
func (h *history) holds(offset, timestamp int64) bool {
	if len(h.records) == 0 || offset < h.first {
		return false
	}
	if offset < h.records[0].offset {
		return true
	}
	i := h.find(offset)
	return i < len(h.records) && h.records[i] == delivered{offset, timestamp}
}
