package kafka

import (
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// lostAnswers notes when a produce request went out, at least in part, and its answer did not
// come. franz-go sends such a batch again: should Kafka refuse that, its records may be in the
// log all the same. It is a hook of a producing client.
type lostAnswers struct{ latest atomic.Int64 } // in nanoseconds since the epoch

// OnBrokerE2E implements kgo.HookBrokerE2E.
func (l *lostAnswers) OnBrokerE2E(_ kgo.BrokerMetadata, key int16, e2e kgo.BrokerE2E) {
	if key == int16(kmsg.Produce) && e2e.Err() != nil && e2e.BytesWritten > 0 {
		l.latest.Store(time.Now().UnixNano())
	}
}

// since tells whether an answer was lost after t.
func (l *lostAnswers) since(t time.Time) bool { return l.latest.Load() >= t.UnixNano() }
