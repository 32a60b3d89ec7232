package socket

import (
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// maxStaged bounds the records that are handed over together: about as many as one read brings where messages
// have 250 bytes. With 32, batches for ten partitions had 23 records, and a fifth fewer messages a second got through.
const maxStaged = 128

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

// beforeWait is called by the reader before it waits for anything. A connection on which no message came since
// the last wait gives back what the reader keeps for the next ones: where little happens it wakes for pongs only.
func (f *in) beforeWait() {
	if len(f.staged) > 0 {
		f.handOver()
		return
	}
	f.staged, f.messages = nil, nil
	f.options.Codec.Rest()
}

// handOver hands the staged records to Kafka's client.
func (f *in) handOver() {
	for i := range f.staged {
		s := &f.staged[i]
		f.produce(&s.record, s.came, s.entry)
	}
	clear(f.staged)
	f.staged = f.staged[:0]
}
