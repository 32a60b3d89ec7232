package consume

import (
	"slices"
	"sync"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/metrics"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// unknown stands for an offset that Kafka has not told yet.
const unknown = -1

// holding is what one member holds of its group's topic, and how far the group is behind there.
type holding struct {
	lags     *lags
	consumer *Consumer

	mu         sync.Mutex // guards what follows
	partitions map[int32]*place
}

// place is where a group stands in a partition. Its lag is the end of the log less the offset that
// the group has committed, as Kafka's own tools have it, or less the first record where it has
// committed none.
//
// The marks that end transactions take an offset each, and no record follows that could be
// delivered and committed: where everything before them is, they are not counted.
type place struct {
	committed int64
	polled    int64 // after the last record handed out
	passed    int64 // after the last mark, or record, handed out
	end       int64 // under read_committed, of the transactions that have ended
}

// lag is how many offsets lie between the group and the end.
func (p *place) lag() (records int64, known bool) {
	if p.committed == unknown || p.end == unknown {
		return 0, false
	}
	at := p.committed
	if at >= p.polled {
		at = max(at, p.passed)
	}
	return max(p.end-at, 0), true
}

// hold notes where partitions start. A start below 0 is one that nobody has committed.
func (h *holding) hold(starts map[int32]int64) {
	h.mu.Lock()
	for partition, start := range starts {
		h.partitions[partition] = &place{committed: max(start, unknown), end: unknown}
	}
	h.mu.Unlock()
	h.lags.wake()
}

// drop forgets partitions that the member does not hold anymore: another replica counts them.
func (h *holding) drop(partitions []int32) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, partition := range partitions {
		delete(h.partitions, partition)
	}
}

// committed notes a commit that Kafka took.
func (h *holding) committed(positions []proxy.Next) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, position := range positions {
		if p := h.partitions[position.Partition]; p != nil {
			p.committed = max(p.committed, position.Offset)
		}
	}
}

// polled notes what a poll hands out.
func (h *holding) polled(fetches kgo.Fetches) {
	h.mu.Lock()
	defer h.mu.Unlock()
	fetches.EachPartition(func(fetched kgo.FetchTopicPartition) {
		p, records := h.partitions[fetched.Partition], fetched.Records
		if p == nil || len(records) == 0 {
			return
		}
		p.passed = records[len(records)-1].Offset + 1
		for _, r := range slices.Backward(records) {
			if !r.Attrs.IsControl() {
				p.polled = r.Offset + 1
				return
			}
		}
	})
}

// learn takes what Kafka tells of the log.
func (h *holding) learn(ends, starts kadm.ListedOffsets) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for partition, p := range h.partitions {
		if end, ok := ends.Lookup(h.consumer.options.Topic.Name, partition); ok && end.Err == nil {
			p.end = end.Offset
		}
		if start, ok := starts.Lookup(h.consumer.options.Topic.Name, partition); ok && start.Err == nil && p.committed == unknown {
			p.committed = start.Offset
		}
	}
}

// lacks tells what must be asked before the lag of all partitions is known.
func (h *holding) lacks() (ends, starts bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, p := range h.partitions {
		ends = ends || p.end == unknown
		starts = starts || p.committed == unknown
	}
	return ends, starts
}

func (h *holding) isEmpty() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.partitions) == 0
}

// each tells the lag of each partition where it is known.
func (h *holding) each(tell func(metrics.Lag)) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, p := range h.partitions {
		if records, known := p.lag(); known {
			tell(metrics.Lag{Group: h.consumer.options.GroupID, Topic: h.consumer.options.Topic.Name, Records: records})
		}
	}
}
