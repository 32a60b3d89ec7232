package socket

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/budget"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/codec"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/limit"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/metrics"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// BenchmarkAnswers measures one message from its arrival to its answer, with half a window in
// flight.
func BenchmarkAnswers(b *testing.B) {
	const inFlight = limit.MaxMessages / 2
	m := metrics.New(prometheus.NewRegistry(), metrics.Build{})
	a := &answers{
		codec: codec.NewJSONIn(codec.InSettings{Topic: "t"}), window: limit.NewWindow(limit.MaxMessages, limit.MaxBytes),
		memory: budget.New(1 << 30).Account(budget.Producing), timeout: time.Hour, metrics: m, topic: m.Produced("t"), total: new(atomic.Int64), wake: func() {}, backlog: newBacklog(limit.MaxMessages, time.Hour),
	}
	messages := make([]codec.Message, 1)
	entries := make([]*entry, 0, inFlight)
	var buf []byte
	b.ReportAllocs()
	for b.Loop() {
		of := shareOf(messages, nil, 300)
		if !a.tryAcquire(of) {
			b.Fatal("there is no room")
		}
		s := a.push(messages, nil, of, time.Now(), true)
		entries = append(entries, &s.entries[0])
		if len(entries) < inFlight {
			continue
		}
		for _, e := range entries {
			e.Done(proxy.Ack{Partition: 1, Offset: 12345678, Timestamp: 1_700_000_000_000}, nil)
		}
		entries = entries[:0]
		for !a.empty() {
			buf = a.fill(buf[:0])
			a.wrote()
		}
	}
}
