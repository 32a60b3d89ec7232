package table

import (
	"fmt"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/kafkatest"
	"github.com/wsproxy/kafka-websocket-proxy/test/kafka"
)

// counter is a Handler that only counts.
type counter struct {
	records, bytes int
	caughtUp       chan struct{}
}

func (c *counter) Restart(string) { c.records, c.bytes = 0, 0 }

func (c *counter) Read(_ int64, _ time.Time, key, value []byte) {
	c.records++
	c.bytes += len(key) + len(value)
}

func (c *counter) CaughtUp() { close(c.caughtUp) }

// BenchmarkTableReplay replays a million records of 36 bytes of key and 200 of value, written
// one by one or in large batches, from an Apache Kafka on this machine.
func BenchmarkTableReplay(b *testing.B) {
	const records = 1_000_000
	broker := kafka.RequireOwn(b, kafka.Options{HeapMiB: 512})
	r := newTableRig(b, broker.Addr())
	for _, perBatch := range []int{1, 1000} {
		b.Run(fmt.Sprintf("%d in a batch", perBatch), func(b *testing.B) {
			topic := "replay" + strconv.Itoa(perBatch)
			fill(b, r, topic, records, perBatch)
			b.ReportAllocs()
			for b.Loop() {
				replay(b, r, topic, records)
			}
			b.ReportMetric(float64(b.N)*records/b.Elapsed().Seconds(), "records/s")
		})
	}
}

func replay(b *testing.B, r *tableRig, topic string, records int) {
	b.Helper()
	c := &counter{caughtUp: make(chan struct{})}
	table, err := Open(r.cluster, Options{Name: "bench", Topic: topic, Handler: c})
	if err != nil {
		b.Fatal(err)
	}
	select {
	case <-c.caughtUp:
	case <-time.After(time.Minute):
		b.Fatal("not read within a minute")
	}
	table.Close(kafkatest.Deadline(b))
	if c.records != records {
		b.Fatalf("read %d records, %d bytes", c.records, c.bytes)
	}
}

// fill writes records in batches of a size.
func fill(b *testing.B, r *tableRig, topic string, records, perBatch int) {
	b.Helper()
	r.create(b, topic, 1, "cleanup.policy=compact")
	const writers = 8 // a request contains one batch of a writer for a partition
	var all sync.WaitGroup
	for w := range writers {
		all.Go(func() { writeBatches(b, r, topic, w*records/writers, (w+1)*records/writers, perBatch) })
	}
	all.Wait()
}

// writeBatches writes the records with numbers from one to another.
func writeBatches(b *testing.B, r *tableRig, topic string, from, to, perBatch int) {
	b.Helper()
	writer, err := kgo.NewClient(kgo.SeedBrokers(r.addrs...), kgo.DefaultProduceTopic(topic),
		kgo.ProducerBatchMaxBytes(int32(max(512, 100+perBatch*245))), kgo.ProducerBatchCompression(kgo.NoCompression()))
	if err != nil {
		b.Error(err)
		return
	}
	defer writer.Close()
	value := make([]byte, 200)
	for i := from; i < to; i++ {
		writer.Produce(b.Context(), &kgo.Record{Key: fmt.Appendf(nil, "%036d", i), Value: value}, func(_ *kgo.Record, err error) {
			if err != nil {
				b.Error(err)
			}
		})
	}
	if err := writer.Flush(b.Context()); err != nil {
		b.Error(err)
	}
}

// BenchmarkTableRoundTrip appends single records, each after the previous one was read.
func BenchmarkTableRoundTrip(b *testing.B) {
	broker := kafka.RequireOwn(b, kafka.Options{})
	n := &echo{read: make(chan struct{}, 1)}
	table, err := Open(newTableRig(b, broker.Addr()).cluster, Options{Name: "bench", Topic: "t", Handler: n})
	if err != nil {
		b.Fatal(err)
	}
	kafkatest.Await(b, "the table to be ready", func() bool { return table.Ready() == nil })
	for b.Loop() {
		table.Append(pairs("k=v"), func(error) {})
		<-n.read
	}
	table.Close(kafkatest.Deadline(b))
}

// echo reports that a record was read.
type echo struct{ read chan struct{} }

func (e *echo) Restart(string) {}

func (e *echo) Read(int64, time.Time, []byte, []byte) { e.read <- struct{}{} }

func (e *echo) CaughtUp() {}
