package produce

import (
	"errors"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/kafkatest"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// TestAProducerGetsOverARefusedProducerID shows that a client that franz-go treats as failed for good is
// replaced, and that its connection continues.
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

// TestFranzGoKeepsARefusedProducerID fails when franz-go requests a producer id again: then IsStuck and
// its consequences are no longer needed.
func TestFranzGoKeepsARefusedProducerID(t *testing.T) {
	broker := kafkatest.Broker(t, "t")
	kafkatest.RefuseProducerID(broker)
	_, client := kafkatest.Admin(t, broker)
	for range 3 {
		err := client.ProduceSync(kafkatest.Deadline(t), &kgo.Record{Topic: "t"}).FirstErr()
		if !errors.Is(err, kerr.ClusterAuthorizationFailed) {
			t.Fatalf("got %v", err)
		}
	}
}
