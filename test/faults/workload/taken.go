package workload

import (
	"github.com/wsproxy/kafka-websocket-proxy/test/faults/history"
)

// meter is a wire that reports how far the peer has read.
type meter interface {
	Written() int64
	Taken() int64
}

func written(w Wire) int64 {
	if m, ok := w.(meter); ok {
		return m.Written()
	}
	return 0
}

// readAhead bounds what the proxy may have read from a socket without having parsed it: the buffer of 32 KiB that
// it has while bytes flow.
const readAhead = 33 << 10

// Watch begins to observe how much the proxy reads from the producer's connection. The returned function
// records the amount and the allowed maximum: window messages, and the message that is being read.
// Between the two calls Kafka must answer nothing, for less time than the proxy's Kafka client keeps a
// record.
func (p *Producer) Watch(window int) (record func()) {
	p.mu.Lock()
	c := p.current
	p.mu.Unlock()
	if c == nil {
		return func() {}
	}
	m, ok := c.wire.(meter)
	if !ok {
		return func() {}
	}
	from := m.Taken()
	return func() {
		to := m.Taken() - readAhead
		c.mu.Lock()
		count := 0
		for _, f := range c.frames {
			if f.end > from+readAhead && f.end <= to {
				count += f.messages
			}
		}
		c.mu.Unlock()
		c.recorder.Add(history.Event{Kind: history.Taken, Conn: c.conn, Count: count, Limit: window + MaxBatch})
	}
}
