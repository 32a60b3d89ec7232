package feed

import (
	"maps"
	"sync"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// chunk is a part of a ring: frames one behind the other.
type chunk struct {
	*index

	frames   []byte
	keyBytes int // of the index

	// For peers that are sent compressed frames.
	forms      []form // of the first records
	compressed []byte
}

// index tells which records the frames of a chunk are. It only grows. A tail keeps the index of the chunk that it is in.
type index struct {
	mu         *sync.RWMutex // of the ring, which guards it; nil if it does not grow
	text       uint64        // identifies the chunk among those of all rings; 0 where there are no others
	begin      proxy.Places  // before the first record
	partitions []int32
	offsets    []int64
	epochs     []int32
	ends       []int  // of the frames
	moves      []move // behind offsets of which the ring has no record
	keys       []key  // by which who joins the ring finds what it wants; nil in pages, and in a ring that conflates

	// Of a ring that conflates, see conflator; nil in others.
	safe []proxy.Place // what places has of the record's partition behind it
	left []int         // how many records each stands for besides itself
}

// key is the key of a record, as its frame shows it.
type key struct {
	text string
	is   bool // whether the record has one
}

// move tells that nothing is missing before places, behind the first records of a chunk and before those that follow.
type move struct {
	records int
	further proxy.Places
}

// move notes that nothing is missing before places.
func (x *index) move(further proxy.Places) {
	if n := len(x.moves); n > 0 && x.moves[n-1].records == len(x.offsets) {
		maps.Copy(x.moves[n-1].further, further)
		return
	}
	x.moves = append(x.moves, move{len(x.offsets), further})
}

// start returns where the frame of a record begins, or where the next one will.
func (x *index) start(record int) int {
	if record == 0 {
		return 0
	}
	return x.ends[record-1]
}

// places returns the places behind the first records of the chunk. The lock is not held.
func (x *index) places(records int) proxy.Places {
	if x.mu != nil {
		x.mu.RLock()
		defer x.mu.RUnlock()
	}
	return x.placesBefore(records)
}

// placesBefore is places under the lock.
func (x *index) placesBefore(record int) proxy.Places {
	places := x.begin.Clone()
	for i := range record {
		if x.safe != nil {
			places.Advance(x.partitions[i], x.safe[i])
			continue
		}
		places[x.partitions[i]] = proxy.Place{Offset: x.offsets[i] + 1, Epoch: x.epochs[i]}
	}
	for _, m := range x.moves {
		if m.records > record {
			break
		}
		places.AdvanceAll(m.further)
	}
	return places
}

// add adds a record whose frame ends at end.
func (x *index) add(r *proxy.Record, end int) {
	x.partitions = append(x.partitions, r.Partition)
	x.offsets = append(x.offsets, r.Offset)
	x.epochs = append(x.epochs, r.Epoch)
	x.ends = append(x.ends, end)
}

// addKey adds the key of the newest record.
func (c *chunk) addKey(k key) {
	c.keys, c.keyBytes = append(c.keys, k), c.keyBytes+len(k.text)
}

// wants tells whether a selection without a filter wants a record.
func (x *index) wants(record int, s *Selection) bool {
	if s.Partition != proxy.AnyPartition && x.partitions[record] != s.Partition {
		return false
	}
	return s.wantsKey(x.keys[record].text, x.keys[record].is)
}

// tableKey returns the key of a record, in its partition, and whether it has one.
func (x *index) tableKey(record int) (key tableKey, has bool) {
	k := x.keys[record]
	return tableKey{x.partitions[record], k.text}, k.is
}

// frame returns the frame of a record.
func (c *chunk) frame(record int) []byte { return c.frames[c.start(record):c.ends[record]] }
