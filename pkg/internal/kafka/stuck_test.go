package kafka

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// refuseProducerID has a broker refuse the next producer id for good.
func refuseProducerID(broker *kfake.Cluster) {
	broker.ControlKey(int16(kmsg.InitProducerID), func(r kmsg.Request) (kmsg.Response, error, bool) {
		answer, ok := r.ResponseKind().(*kmsg.InitProducerIDResponse)
		if ok {
			answer.ErrorCode = kerr.ClusterAuthorizationFailed.Code
		}
		return answer, nil, ok
	})
}

// TestAProducerGetsOverARefusedProducerID shows that a client which franz-go has given up for
// good is replaced, and that its connection goes on.
func TestAProducerGetsOverARefusedProducerID(t *testing.T) {
	broker, pool, topic := poolOf(t)
	refuseProducerID(broker)
	p := pool.Open("c", topic)
	record := proxy.Record{Partition: proxy.AnyPartition, Value: []byte("v")}
	if _, err := produce(t, p, record); err == nil || !proxy.AsError(err).Kind.Class().Retriable {
		t.Fatalf("the first record: %v", err)
	}
	await(t, "a record to be written", func() bool {
		_, err := produce(t, p, record)
		return err == nil
	})
	if ids := pool.ids(); len(ids) != 1 {
		t.Errorf("the pool holds %v", ids)
	}
}

func TestATableGetsOverARefusedProducerID(t *testing.T) {
	broker := newBroker(t)
	table, n := newTableRig(t, broker.ListenAddrs()...).opened(t, "t")
	refuseProducerID(broker)
	if err := add(t, table, "a=1"); err == nil {
		t.Fatal("the first record was taken")
	}
	await(t, "a record to be taken", func() bool { return add(t, table, "b=2") == nil })
	await(t, "it to be read", func() bool { return n.text() != "" })
}
