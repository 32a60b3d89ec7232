package socket

import (
	"unsafe"

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

// share is what the messages of a frame take of the window, and of the memory budget.
type share struct {
	messages int   // of the window; an empty batch is answered too: it counts as one
	bytes    int64 // of the window
	inKafka  int64 // bytes of the budget, until Kafka's client has released all records
	inQueue  int64 // the same, until the answers are written
}

// shareOf returns the share of messages that hold some bytes. What their records take is released when Kafka's
// client releases them: a client that does not read its answers keeps only the share of its answers from
// others.
func shareOf(messages []codec.Message, batch *codec.Batch, bytes int64) share {
	of := share{messages: max(1, len(messages)+batch.FaultCount()), bytes: bytes}
	of.inKafka, of.inQueue = copiesInFlight*bytes+recordCost*int64(len(messages)), entryCost*int64(of.messages)
	for i := range messages {
		of.inQueue += int64(len(messages[i].ID))
	}
	if bytes <= shortFrame {
		of.inKafka, of.inQueue = 0, of.inKafka+of.inQueue
	}
	return of
}

// tryAcquire takes a share if there is room for it now.
func (a *answers) tryAcquire(of share) bool {
	if !a.window.TryAcquire(of.messages, of.bytes) {
		return false
	}
	if a.memory.TryAcquire(of.inKafka + of.inQueue) {
		return true
	}
	a.window.Release(of.messages, of.bytes)
	return false
}

// acquire waits for room for the share of a slot that the reader holds.
func (a *answers) acquire(done <-chan struct{}, s *slot) error {
	if err := a.window.Acquire(done, s.share.messages, s.share.bytes); err != nil {
		return err
	}
	if err := a.memory.Acquire(done, s.share.inKafka+s.share.inQueue); err != nil {
		return err
	}
	s.charged = true
	return nil
}

// freed sums up what slots release, so that the window and the budget are locked once for all of them.
type freed struct {
	messages int
	bytes    int64
	budget   int64
}

// giveBack releases what slots have freed.
func (a *answers) giveBack(f freed) {
	if f.messages > 0 {
		a.window.Release(f.messages, f.bytes)
	}
	a.memory.Release(f.budget)
}
