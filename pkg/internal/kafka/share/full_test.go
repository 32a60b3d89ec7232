package share

import (
	"strings"
	"testing"
	"time"

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
	p.groups.observer, p.groups.fullFor = c, 100*time.Millisecond
	h := p.open(150)
	r.write(0, numbers(50)...)
	h.until("some", func() bool { return len(h.got) == 50 })
	c.wantFull(t, 0)
	r.write(0, numbers(70)...)
	r.write(0, numbers(50)...)
	h.until("as many as Kafka allows", func() bool { return len(h.got) >= 100 }) // it may give the rest of a batch
	c.wantFull(t, 1)
	h.until("a notice", func() bool { return len(h.notices) > 0 })
	h.wantNotice("partition 0", "offset 0")
	other := p.open(1) // it comes to a partition that is full
	other.until("a notice", func() bool { return len(other.notices) > 0 })
	h.results(h.settle(proxy.Accept, h.positions()[1:]...), proxy.SettleDone)
	c.wantFull(t, 1)
	h.results(h.settle(proxy.Accept, h.position(0)), proxy.SettleDone)
	other.until("one of the rest", func() bool { return len(other.got) == 1 })
	h.until("the others", func() bool { return len(h.got) == 169 })
	c.wantFull(t, 0)
	if len(h.notices)+len(other.notices) != 2 {
		t.Errorf("%d and %d notices within a minute", len(h.notices), len(other.notices))
	}
}

// wantNotice fails unless the first notice tells the limit, and has some words.
func (h *hand) wantNotice(words ...string) {
	h.Helper()
	e := h.notices[0]
	for _, word := range words {
		if e.Kind != proxy.KindLimitReached || !strings.Contains(e.Message, word) {
			h.Errorf("the notice is %v, and has no %q", e, word)
		}
	}
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
