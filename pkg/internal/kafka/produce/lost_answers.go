package produce

import (
	"net"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// lostAnswers notes when a produce request went out, at least in part, and its answer did not
// come. franz-go sends such a batch again: should Kafka refuse that, its records may be in the
// log all the same. It is a set of hooks of a producing client.
//
// A connection that ends takes the answers of several requests with it, of which franz-go
// reports one. So requests are counted by broker, and the count is never too low.
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

// OnBrokerDisconnect implements kgo.HookBrokerDisconnect. It may be another connection to the
// broker that ends: then a refusal is believed less than it deserves.
func (l *lostAnswers) OnBrokerDisconnect(broker kgo.BrokerMetadata, _ net.Conn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.open[broker.NodeID] > 0 {
		l.latest = time.Now()
	}
}

// since tells whether an answer was lost after t.
func (l *lostAnswers) since(t time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return !l.latest.Before(t)
}
