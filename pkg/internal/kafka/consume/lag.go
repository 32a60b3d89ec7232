package consume

import (
	"slices"
	"sync"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/metrics"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// unknown stands for an offset that Kafka has not returned yet.
const unknown = -1

// holding is the set of partitions that one member holds of its group's topic, with the group's lag in
// each.
type holding struct {
	lags     *lags
	consumer *Consumer

	mu         sync.Mutex // guards what follows
	partitions map[int32]*place
}

// place is a group's position in a partition. Its lag is the end offset of the log minus the group's
// committed offset, as in Kafka's own tools, or minus the first offset of the log if nothing is
// committed.
//
// The control records that end transactions take an offset each, and no record follows them that could
// be delivered and committed: if everything before them is committed, they do not count.
type place struct {
	committed int64
	polled    int64 // after the last record that a poll returned
	passed    int64 // after the last control record, or record, that a poll returned
	end       int64 // end of the log; under read_committed, of the ended transactions
}

// lag returns the number of offsets between the group's position and the end of the log.
func (p *place) lag() (records int64, known bool) {
	if p.committed == unknown || p.end == unknown {
		return 0, false
	}
	at := p.committed
	if at >= p.polled {
		at = max(at, p.passed)
	}
	end := max(p.end, p.passed) // what was polled since the last lookup is in the log, too
	return max(end-at, 0), true
}

// hold notes where partitions start. A start below 0 means that nothing is committed.
func (h *holding) hold(starts map[int32]int64) {
	h.mu.Lock()
	for partition, start := range starts {
		h.partitions[partition] = &place{committed: max(start, unknown), end: unknown}
	}
	h.mu.Unlock()
	h.lags.wake()
}

// count returns how many partitions the member holds.
func (h *holding) count() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.partitions)
}

// drop removes partitions that the member no longer holds: another replica counts them.
func (h *holding) drop(partitions []int32) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, partition := range partitions {
		delete(h.partitions, partition)
	}
}

// committed notes a commit that Kafka accepted.
func (h *holding) committed(positions []proxy.Next) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, position := range positions {
		if p := h.partitions[position.Partition]; p != nil {
			p.committed = max(p.committed, position.Offset)
		}
	}
}

// polled notes the records that a poll returns.
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

// learn takes the offsets of the log that Kafka has returned.
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

// lacks reports which lookups are needed before the lag of all partitions is known.
func (h *holding) lacks() (ends, starts bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, p := range h.partitions {
		ends = ends || p.end == unknown
		starts = starts || p.committed == unknown
	}
	return ends, starts
}

// sum returns the lag of all partitions together, and whether it is known of each.
func (h *holding) sum() (records int64, known bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, p := range h.partitions {
		one, isKnown := p.lag()
		if !isKnown {
			return 0, false
		}
		records += one
	}
	return records, true
}

func (h *holding) isEmpty() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.partitions) == 0
}

// each calls tell with the lag of each partition for which it is known.
func (h *holding) each(tell func(metrics.Lag)) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, p := range h.partitions {
		if records, known := p.lag(); known {
			tell(metrics.Lag{Group: h.consumer.options.GroupID, Topic: h.consumer.options.Topic.Name, Records: records})
		}
	}
}
