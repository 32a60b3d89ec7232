package share

import (
	"context"
	"strings"
	"testing"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
	"github.com/wsproxy/kafka-websocket-proxy/test/kafka"
)

// TestLongABrokerOfSeveralDies has a worker hold records of all partitions as one of three brokers is killed. What was not
// settled comes again, all is settled, and nothing is accepted twice. Kafka may have heard an acknowledgement whose answer was lost with
// the broker: such a record may not come again.
func TestLongABrokerOfSeveralDies(t *testing.T) {
	brokers := kafka.RequireOwnCluster(t, kafka.ClusterOptions{})
	r := newRig(t, strings.Split(brokers.Addr(), ",")...)
	r.replicas = 3
	r.create(r.topic, 3)
	h := r.pod().open(100)
	for partition := range int32(3) {
		r.write(partition, numbers(10)...)
	}
	h.until("all records", func() bool { return len(h.got) == 30 })
	if err := brokers.Node(2).Kill(); err != nil {
		t.Fatal(err)
	}
	s := &storm{rig: r, accepted: make(map[string]int), uncertain: make(map[string]bool)}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	s.workers.Go(func() { s.acceptAll(ctx, h) })
	r.awaitNoLag()
	stop()
	s.workers.Wait()
	if n := s.count(); n != 30 {
		t.Errorf("%d of 30 records are accepted, and nothing is left", n)
	}
	t.Logf("%d deliveries of 30 records, %d uncertain", len(h.got), len(s.uncertain))
}

// acceptAll accepts what a worker holds and gets, until ctx ends. What failed is tried again.
func (s *storm) acceptAll(ctx context.Context, h *hand) {
	ask := h.positions()
	for {
		if len(ask) > 0 {
			_ = h.worker.Settle(ctx, proxy.Accept, ask)
		}
		n, known := len(h.got), len(h.settled)
		if h.take(ctx) != nil {
			return
		}
		ask = h.positions()[n:]
		for _, settlement := range h.settled[known:] {
			for _, result := range settlement.Results {
				s.judgeOne(result.Position.String(), result.Result)
				if result.Result == proxy.SettleFailed {
					ask = append(ask, result.Position)
				}
			}
		}
	}
}
