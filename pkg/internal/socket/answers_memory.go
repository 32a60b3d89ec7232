package socket

import (
	"unsafe"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/budget"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/codec"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

const (
	// copiesInFlight is how many copies of a message's bytes are held while it is in flight: in its
	// record, and in the request that writes it.
	copiesInFlight = 2
	// recordCost is what a record costs in Kafka's client besides its bytes.
	recordCost = 512
	// entryCost is what an answer costs in the queue.
	entryCost = 256
	// shortFrame is the longest frame whose share of the budget is released in one step, when its
	// answers are written: it is not worth two.
	shortFrame = 4 << 10
	// headerCost is what a header costs besides its bytes: an empty one has two bytes in an Avro message.
	headerCost = int64(unsafe.Sizeof(proxy.Header{}))
)

func headerCount(messages []codec.Message) int {
	headers := 0
	for i := range messages {
		headers += len(messages[i].Record.Headers)
	}
	return headers
}

// charge waits for room in the memory budget for the messages of a slot. The share of their records
// is released when Kafka's client releases them: a client that does not read its answers keeps only
// the share of its answers from others.
func (a *answers) charge(done <-chan struct{}, s *slot) error {
	records, queued := copiesInFlight*s.bytes+recordCost*int64(len(s.entries)), entryCost*int64(s.cost())
	for i := range s.entries {
		queued += int64(len(s.entries[i].id))
	}
	if s.bytes <= shortFrame {
		records, queued = 0, records+queued
	}
	if err := a.budget.Acquire(done, budget.Producing, records+queued); err != nil {
		return err
	}
	s.inKafka, s.inQueue = records, queued
	return nil
}

// discharge releases a share of the budget, once. a.mu is held.
func (a *answers) discharge(share *int64) {
	a.budget.Release(budget.Producing, *share)
	*share = 0
}
