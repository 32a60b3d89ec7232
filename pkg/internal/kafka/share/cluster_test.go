package share

import (
	"strings"
	"testing"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/kafkatest"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
	"github.com/wsproxy/kafka-websocket-proxy/test/kafka"
)

// TestLongABrokerOfSeveralDies has workers hold records of all partitions as one of three brokers is killed. What was not
// settled comes again, and all is accepted.
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
	accepted := make(map[proxy.Position]bool)
	settled := 0
	if err := h.worker.Settle(kafkatest.Deadline(t), proxy.Accept, h.positions()); err != nil {
		t.Fatal(err)
	}
	for ctx := kafkatest.Deadline(t); len(accepted) < 30; {
		n := len(h.got)
		if err := h.take(ctx); err != nil {
			t.Fatalf("%d of 30 records are accepted: %v", len(accepted), err)
		}
		for i := n; i < len(h.got); i++ {
			if err := h.worker.Settle(ctx, proxy.Accept, []proxy.Position{h.position(i)}); err != nil {
				t.Fatal(err)
			}
		}
		for ; settled < len(h.settled); settled++ {
			for _, result := range h.settled[settled].Results {
				if result.Result != proxy.SettleDone {
					continue
				}
				if accepted[result.Position] {
					t.Errorf("%s is accepted twice", result.Position)
				}
				accepted[result.Position] = true
			}
		}
	}
	t.Logf("%d deliveries of 30 records", len(h.got))
	r.awaitNoLag()
}
