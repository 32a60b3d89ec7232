package socket

import (
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// maxStaged bounds the records that are handed over together.
const maxStaged = 32

// staged is a record that waits until the messages that came with it are decoded.
type staged struct {
	record proxy.Record
	entry  *entry
	came   time.Time
}

// stage keeps a record until the next call of handOver. Kafka's client sends what it has as soon as it has
// something: records that it gets in quick succession go into fewer and larger batches.
func (f *in) stage(r *proxy.Record, e *entry) {
	if len(f.staged) == maxStaged {
		f.handOver()
	}
	f.staged = append(f.staged, staged{*r, e, f.conn.clock.now()})
}

// handOver hands the staged records to Kafka's client. The reader calls it whenever it may have to wait.
func (f *in) handOver() {
	for i := range f.staged {
		s := &f.staged[i]
		f.produce(&s.record, s.came, s.entry)
	}
	clear(f.staged)
	f.staged = f.staged[:0]
}
