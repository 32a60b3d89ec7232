package feed

import "github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"

// chunk is a part of a ring: frames one behind the other.
type chunk struct {
	*index

	frames []byte
}

// index tells which records the frames of a chunk are. It only grows, under the lock of its ring. A tail keeps the
// index of the chunk that it is in.
type index struct {
	begin      proxy.Places // before the first record
	partitions []int32
	offsets    []int64
	epochs     []int32
	ends       []int // of the frames
}

// start returns where the frame of a record begins, or where the next one will.
func (x *index) start(record int) int {
	if record == 0 {
		return 0
	}
	return x.ends[record-1]
}

// places returns the places behind the first records of the chunk.
func (x *index) places(records int) proxy.Places {
	places := x.begin.Clone()
	for i := range records {
		places[x.partitions[i]] = proxy.Place{x.offsets[i] + 1, x.epochs[i]}
	}
	return places
}
