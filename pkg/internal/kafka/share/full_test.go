package share

import (
	"testing"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/kafkatest"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
	"github.com/wsproxy/kafka-websocket-proxy/test/kafka"
)

// TestAPartitionWithAsManyRecordsInFlightAsKafkaAllowsIsTold settles all but the oldest record: what is settled behind it is in flight for
// Kafka.
func TestAPartitionWithAsManyRecordsInFlightAsKafkaAllowsIsTold(t *testing.T) {
	few := map[string]string{
		"group.share.partition.max.record.locks": "100", "group.share.min.partition.max.record.locks": "100",
	}
	r := newRig(t, kafka.RequireOwn(t, kafka.Options{Properties: few}).Addr())
	r.create(r.topic, 1)
	c := &counts{settled: make(map[string]int)}
	p := r.pod()
	p.groups.observer = c
	h := p.open(150)
	r.write(0, numbers(50)...)
	h.until("some", func() bool { return len(h.got) == 50 })
	c.wantFull(t, 0)
	r.write(0, numbers(70)...)
	h.until("as many as Kafka allows", func() bool { return len(h.got) == 100 })
	c.wantFull(t, 1)
	h.results(h.settle(proxy.Accept, h.positions()[1:]...), proxy.SettleDone)
	c.wantFull(t, 1)
	h.results(h.settle(proxy.Accept, h.position(0)), proxy.SettleDone)
	h.until("the rest", func() bool { return len(h.got) == 120 })
	c.wantFull(t, 0)
}

// wantFull waits until so many partitions are full.
func (c *counts) wantFull(t *testing.T, want int) {
	t.Helper()
	kafkatest.Await(t, "partitions to be full, or not", func() bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		return c.full == want
	})
}
