//go:build unix

package real

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/wsproxy/kafka-websocket-proxy/test/faults/history"
	"github.com/wsproxy/kafka-websocket-proxy/test/faults/workload"
	"github.com/wsproxy/kafka-websocket-proxy/test/kafka"
)

// TestLongKafkaEndsNoTransactionWhoseMarkerATopicRefuses shows, without the proxy, what a topic may not be told that shall take no more
// records. Its limit for their size holds for the markers that end transactions, too: Kafka does not write one again that was
// refused, and nobody can use the transactional id anymore, even when the topic is gone.
func TestLongKafkaEndsNoTransactionWhoseMarkerATopicRefuses(t *testing.T) {
	broker := kafka.RequireOwn(t, kafka.Options{})
	o := newObserver(t, broker.Addr(), &history.Recorder{})
	for limit, stuck := range map[string]bool{"1": true, frozenBytes: false} {
		open := transactional(t, broker, limit)
		must(t, open.BeginTransaction())
		must(t, open.ProduceSync(t.Context(), kgo.StringRecord(string(make([]byte, minValue)))).FirstErr())
		o.mustLimit(t, limit)
		must(t, open.EndTransaction(t.Context(), kgo.TryAbort))
		if stuck && !workload.Within(healLimit, func() bool { return strings.Contains(broker.LogTail(), "InterBrokerSendThread") }) {
			t.Errorf("Kafka has not logged that a marker was refused:\n%s", broker.LogTail())
		}
		_, err := o.admin.DeleteTopic(t.Context(), topic)
		must(t, err)
		must(t, o.make(t.Context(), partitions))
		next := transactional(t, broker, limit)
		wait := healLimit
		if stuck {
			wait = 10 * time.Second
		}
		ctx, cancel := context.WithTimeout(t.Context(), wait)
		_, _, err = next.ProducerID(ctx)
		cancel()
		described, failed := o.admin.DescribeTransactions(t.Context(), limit)
		must(t, failed)
		if isOpen := described[limit].State == "PrepareAbort"; isOpen != stuck || (err != nil) != stuck {
			t.Errorf("where batches may have %s bytes the transaction is %s, and its id is given with %v", limit, described[limit].State, err)
		}
	}
}

func transactional(t *testing.T, broker *kafka.Broker, id string) *kgo.Client {
	t.Helper()
	c, err := kgo.NewClient(seeds(broker.Addr()), kgo.TransactionalID(id), kgo.DefaultProduceTopic(topic))
	must(t, err)
	t.Cleanup(c.Close)
	return c
}

// mustLimit sets the size of batches that the topic takes, and waits until it refuses larger ones.
func (o *observer) mustLimit(t *testing.T, limit string) {
	t.Helper()
	_, err := o.admin.AlterTopicConfigs(t.Context(), []kadm.AlterConfig{{Op: kadm.SetConfig, Name: "max.message.bytes", Value: &limit}}, topic)
	must(t, err)
	c, err := kgo.NewClient(seeds(o.broker), kgo.ProducerBatchCompression(kgo.NoCompression()))
	must(t, err)
	defer c.Close()
	if !workload.Within(healLimit, func() bool {
		err = c.ProduceSync(t.Context(), &kgo.Record{Topic: topic, Value: make([]byte, minValue)}).FirstErr()
		return errors.Is(err, kerr.MessageTooLarge)
	}) {
		t.Fatalf("the topic takes what it should refuse: %v", err)
	}
}
