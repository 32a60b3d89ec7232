package produce

import (
	"testing"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/kafkatest"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// TestAProducerGetsOverARefusedProducerID shows that a client which franz-go has given up for
// good is replaced, and that its connection goes on.
func TestAProducerGetsOverARefusedProducerID(t *testing.T) {
	broker, pool, topic := poolOf(t)
	kafkatest.RefuseProducerID(broker)
	p := pool.Open("c", topic)
	record := proxy.Record{Partition: proxy.AnyPartition, Value: []byte("v")}
	if _, err := kafkatest.Produce(t, p, record); err == nil || !proxy.AsError(err).Kind.Class().Retriable {
		t.Fatalf("the first record: %v", err)
	}
	kafkatest.Await(t, "a record to be written", func() bool {
		_, err := kafkatest.Produce(t, p, record)
		return err == nil
	})
	if ids := pool.ids(); len(ids) != 1 {
		t.Errorf("the pool holds %v", ids)
	}
}
