package produce

import (
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/kafkatest"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// TestFranzGoForgetsItsNumbers has Kafka acknowledge a record that it does not write. It fails when a
// purge keeps the numbers, or uses another epoch: then worn_out.go is no longer needed.
func TestFranzGoForgetsItsNumbers(t *testing.T) {
	r := newRig(t)
	client, err := kgo.NewClient(kgo.SeedBrokers(r.broker.ListenAddrs()...), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	for _, value := range []string{"x", "y"} {
		if err := client.ProduceSync(kafkatest.Deadline(t), &kgo.Record{Topic: "t", Value: []byte(value)}).FirstErr(); err != nil {
			t.Fatal(err)
		}
		client.PurgeTopicsFromClient("t")
	}
	r.want(t, "x")
}

// pinTo returns a record of partition 0.
func pinTo(value string) proxy.Record { return proxy.Record{Value: []byte(value)} }

// TestNothingIsTakenForARepetition continues to write to a topic of which its client was purged, with
// one connection and with another.
func TestNothingIsTakenForARepetition(t *testing.T) {
	r := newRig(t, "other")
	topic := open(t, r.topics, "t")
	p, other := r.pool.Open("c", topic), r.pool.Open("c", open(t, r.topics, "other"))
	var want []string
	write := func(p *Producer) {
		t.Helper()
		want = append(want, fmt.Sprint(len(want)))
		if ack, err := kafkatest.Produce(t, p, pinTo(want[len(want)-1])); err != nil || ack.Offset != int64(len(want)-1) {
			t.Fatalf("got %+v, %v", ack, err)
		}
	}
	write(p)
	for i := range 3 {
		mustProduce(t, other, "x")
		now := time.Now()
		r.pool.sweep(now)
		mustProduce(t, other, "x")
		r.pool.sweep(now.Add(time.Hour))
		if i > 0 {
			kafkatest.Await(t, "the client to forget the topic", func() bool { return len(usesOf(r.pool)) == 1 })
		}
		write(r.pool.Open("c", topic))
		write(p)
		mustProduce(t, other, "x")
	}
	if n := len(r.pool.ids()); n != 1 {
		t.Errorf("there are %d clients", n)
	}
	r.want(t, want...)
}

// TestARefusalThatWasNone makes Kafka report an existing topic as unknown for a while.
func TestARefusalThatWasNone(t *testing.T) {
	r := newRig(t)
	p := r.pool.Open("c", open(t, r.topics, "t"))
	var refuse atomic.Bool
	r.broker.ControlKey(int16(kmsg.Produce), func(request kmsg.Request) (kmsg.Response, error, bool) {
		r.broker.KeepControl()
		produce, ok := request.(*kmsg.ProduceRequest)
		return produceAnswer(produce, kerr.UnknownTopicID.Code), nil, ok && refuse.Load()
	})
	for i := range 3 {
		if ack, err := kafkatest.Produce(t, p, pinTo(fmt.Sprint(i))); err != nil || ack.Offset != int64(i) {
			t.Fatalf("got %+v, %v", ack, err)
		}
		refuse.Store(true)
		if _, err := kafkatest.Produce(t, p, pinTo("refused")); err == nil {
			t.Fatal("it was not refused")
		}
		refuse.Store(false)
		// A message finds its client worn out, and must be sent again.
		kafkatest.Await(t, "a message to be written", func() bool {
			_, err := kafkatest.Produce(t, p, proxy.Record{Partition: 1, Value: []byte("again")})
			if err != nil && !proxy.AsError(err).Kind.Class().Retriable {
				t.Fatal(err)
			}
			return err == nil
		})
	}
	r.want(t, "0", "1", "2", "again", "again", "again")
}

// TestAClientThatLostSightOfATopic purges franz-go of an existing topic, without any failed record.
func TestAClientThatLostSightOfATopic(t *testing.T) {
	r := newRig(t)
	p := r.pool.Open("c", open(t, r.topics, "t"))
	for i := range 4 {
		var ack proxy.Ack
		kafkatest.Await(t, "a message to be written", func() (written bool) {
			var err error
			ack, err = kafkatest.Produce(t, p, pinTo("x"))
			return err == nil
		})
		if ack.Offset != int64(i) {
			t.Fatalf("record %d got the offset %d", i, ack.Offset)
		}
		p.current.distrust()
	}
	r.want(t, "x", "x", "x", "x")
}
