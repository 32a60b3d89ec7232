package socket

import (
	"sync/atomic"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/metrics"
)

// unwritten counts the records of a connection to one topic that were appended since the last write. It is the writer's.
type unwritten struct {
	topic   *metrics.Delivered
	total   *atomic.Int64 // of the connection
	records int
	since   time.Time // when they came from Kafka
}

// add counts a record that was appended.
func (u *unwritten) add(undecodable bool) {
	u.records++
	if undecodable {
		u.topic.Undecodable.Inc()
	}
}

// wrote counts them as delivered.
func (u *unwritten) wrote() {
	if u.records == 0 {
		return
	}
	u.topic.Records.Add(float64(u.records))
	u.total.Add(int64(u.records))
	u.topic.Seconds.Observe(time.Since(u.since).Seconds())
	u.records = 0
}
