package consume

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/budget"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/kafkatest"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/kafkatest/clustertest"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// TestPollsKeepNoRecords polls with a list that held records before: entries after the new ones would
// keep the memory of their whole fetch.
func TestPollsKeepNoRecords(t *testing.T) {
	broker := kafkatest.Broker(t, "t")
	write(t, broker, 0, "a")
	consumer := consume(t, broker, ResetEarliest, &kafkatest.Owner{})
	list := slices.Repeat([]proxy.Record{{Value: []byte("old")}}, 10)
	records, err := consumer.Poll(kafkatest.Deadline(t), 100, list[:0], func() {})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range list[len(records):] {
		if r.Value != nil {
			t.Fatalf("%q is kept", r.Value)
		}
	}
}

// TestMemoryOfAConsumer has a consumer read batches with and without compression: the bytes of a fetch
// are held until the next poll, and none while that poll waits, or after the close.
func TestMemoryOfAConsumer(t *testing.T) {
	for name, codec := range map[string]kgo.CompressionCodec{"plain": kgo.NoCompression(), "compressed": kgo.ZstdCompression()} {
		t.Run(name, func(t *testing.T) {
			broker := kafkatest.Broker(t, "t")
			writeLarge(t, broker.ListenAddrs(), codec)
			c, b := clustertest.Connect(t, broker), budget.New(64<<20)
			consumers := NewConsumers(c, b)
			t.Cleanup(consumers.Close)
			consumer, err := consumers.Join(Options{
				ClientID: "c", GroupID: "g", Topic: topicOf(t, c, "t"), Reset: ResetEarliest, SessionTimeout: 10 * time.Second, Owner: &kafkatest.Owner{},
			})
			if err != nil {
				t.Fatal(err)
			}
			poll(t, consumer, largeRecords)
			if held := b.Held(budget.Consuming); held < largeValue {
				t.Errorf("%d bytes are held of what was polled", held)
			}
			ctx, giveUp := context.WithCancel(t.Context())
			waiting := make(chan struct{})
			go func() {
				defer close(waiting)
				_, _ = consumer.Poll(ctx, 100, nil, func() {})
			}()
			kafkatest.Await(t, "no bytes to be held while no records arrive", func() bool { return b.Held(budget.Consuming) == 0 })
			giveUp()
			<-waiting
			writeLarge(t, broker.ListenAddrs(), codec)
			kafkatest.Await(t, "more to be fetched", func() bool { return b.Held(budget.Consuming) > largeValue })
			consumer.Close(kafkatest.Deadline(t), true)
			if held := b.Held(budget.Consuming); held != 0 {
				t.Errorf("%d bytes are held after the end", held)
			}
		})
	}
}

const (
	largeRecords = 20
	largeValue   = 50_000
)

// writeLarge writes large records, which can be compressed well.
func writeLarge(t *testing.T, brokers []string, codec kgo.CompressionCodec) {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(brokers...), kgo.DefaultProduceTopic("t"), kgo.ProducerBatchCompression(codec))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	for range largeRecords {
		client.Produce(t.Context(), &kgo.Record{Value: make([]byte, largeValue)}, nil)
	}
	if err := client.Flush(kafkatest.Deadline(t)); err != nil {
		t.Fatal(err)
	}
}
