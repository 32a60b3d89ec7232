package produce

import (
	"net"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// lostAnswers notes produce requests that were sent, at least in part, and whose answer did not arrive.
// franz-go retries such a batch: if Kafka refuses the retry, the records may be in the log nevertheless.
// It is a set of hooks of a producing client.
//
// When a connection ends, the answers of several requests can be lost, of which franz-go reports one. So
// requests are counted by broker, and the count is never too low.
type lostAnswers struct {
	mu     sync.Mutex // guards what follows
	open   map[int32]int
	latest time.Time
}

func newLostAnswers() *lostAnswers { return &lostAnswers{open: make(map[int32]int)} }

// OnBrokerWrite implements kgo.HookBrokerWrite.
func (l *lostAnswers) OnBrokerWrite(broker kgo.BrokerMetadata, key int16, written int, _, _ time.Duration, _ error) {
	if key != int16(kmsg.Produce) || written == 0 {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.open[broker.NodeID]++
}

// OnBrokerE2E implements kgo.HookBrokerE2E.
func (l *lostAnswers) OnBrokerE2E(broker kgo.BrokerMetadata, key int16, e2e kgo.BrokerE2E) {
	if key != int16(kmsg.Produce) || e2e.BytesWritten == 0 {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.open[broker.NodeID]--
	if e2e.Err() != nil {
		l.latest = time.Now()
	}
}

// OnBrokerDisconnect implements kgo.HookBrokerDisconnect. The connection that ended may be another one
// to the same broker: then a definite refusal is reported as unknown.
func (l *lostAnswers) OnBrokerDisconnect(broker kgo.BrokerMetadata, _ net.Conn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.open[broker.NodeID] > 0 {
		l.latest = time.Now()
	}
}

// since reports whether an answer was lost after t.
func (l *lostAnswers) since(t time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return !l.latest.Before(t)
}
