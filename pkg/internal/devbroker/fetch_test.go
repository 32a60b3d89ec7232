package devbroker_test

import (
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/devbroker"
)

// TestAbortedRecordsAreNotRead has aborted records where a fetch is full before it has all records.
func TestAbortedRecordsAreNotRead(t *testing.T) {
	const partitions, size = 4, 10 << 10
	b := start(t, devbroker.Options{Topics: map[string]int32{"t": partitions}})
	writer := client(t, b, kgo.TransactionalID("tx"), kgo.RecordPartitioner(kgo.ManualPartitioner()),
		kgo.ProducerBatchCompression(kgo.NoCompression()))
	write := func(value string, end kgo.TransactionEndTry) {
		if err := writer.BeginTransaction(); err != nil {
			t.Fatal(err)
		}
		for n := range int32(8 * partitions) {
			record := &kgo.Record{Topic: "t", Partition: n % partitions, Value: []byte(value)}
			if err := writer.ProduceSync(deadline(t), record).FirstErr(); err != nil {
				t.Fatal(err)
			}
		}
		if err := writer.EndTransaction(deadline(t), end); err != nil {
			t.Fatal(err)
		}
	}
	write(strings.Repeat("x", size), kgo.TryAbort)
	write("committed", kgo.TryCommit)

	reader := client(t, b, kgo.ConsumeTopics("t"), kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		kgo.FetchMaxBytes(5*size), kgo.FetchMaxPartitionBytes(4*size))
	for read := 0; read < 8*partitions; {
		fetches := reader.PollFetches(deadline(t))
		if err := fetches.Err(); err != nil {
			t.Fatal(err)
		}
		for record := range fetches.RecordsAll() {
			if read++; string(record.Value) != "committed" {
				t.Fatalf("partition %d, offset %d was aborted and is read", record.Partition, record.Offset)
			}
		}
	}
}
