package outside

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/twmb/franz-go/pkg/kgo"
)

const (
	grownPartitions = 8
	// grownRate is how many records a second are written.
	grownRate = 1000
	// beforeGroup is how many records are there when the group begins.
	beforeGroup = 10
)

// evenWriter writes records to all partitions of a topic in turn, new ones as soon as it sees them.
type evenWriter struct {
	cancel  context.CancelFunc
	writing sync.WaitGroup

	mu   sync.Mutex // guards what follows
	ends [grownPartitions]int64
	err  error
}

func (c *cluster) writeEvenly(topic string) *evenWriter {
	c.t.Helper()
	client, err := kgo.NewClient(seeds(c.addr), kgo.RecordPartitioner(kgo.RoundRobinPartitioner()),
		kgo.MetadataMinAge(100*time.Millisecond), kgo.MetadataMaxAge(200*time.Millisecond))
	must(c.t, err)
	ctx, cancel := context.WithCancel(c.t.Context())
	w := &evenWriter{cancel: cancel}
	w.writing.Go(func() {
		defer client.Close()
		every := time.NewTicker(10 * time.Millisecond)
		defer every.Stop()
		for ctx.Err() == nil {
			<-every.C
			for range grownRate / 100 {
				client.Produce(context.WithoutCancel(ctx), &kgo.Record{Topic: topic, Value: []byte("x")}, w.wrote)
			}
		}
		if err := client.Flush(context.WithoutCancel(ctx)); err != nil {
			w.wrote(nil, err)
		}
	})
	return w
}

func (w *evenWriter) wrote(r *kgo.Record, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err != nil {
		w.err = err
		return
	}
	w.ends[r.Partition] = max(w.ends[r.Partition], r.Offset+1)
}

// stop returns where the partitions end.
func (w *evenWriter) stop(t *testing.T) []int64 {
	t.Helper()
	w.cancel()
	w.writing.Wait()
	must(t, w.err)
	return w.ends[:]
}

// growthReader records what a connection delivers.
type growthReader struct {
	mu     sync.Mutex // guards what follows
	counts [grownPartitions]map[int64]int
	err    error
}

func (r *growthReader) read(ctx context.Context, conn *websocket.Conn) {
	for {
		got, err := receive[record](ctx, conn)
		r.mu.Lock()
		if err != nil {
			r.err = err
			r.mu.Unlock()
			return
		}
		if r.counts[got.Partition] == nil {
			r.counts[got.Partition] = map[int64]int{}
		}
		r.counts[got.Partition][got.Offset]++
		r.mu.Unlock()
	}
}

// has counts the different records of a partition.
func (r *growthReader) has(partition int) int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return int64(len(r.counts[partition]))
}

// TestLatestSkipsNothingOfATopicThatGrows adds partitions to a topic that a group reads with latest, while
// records go to all partitions that there are.
func TestLatestSkipsNothingOfATopicThatGrows(t *testing.T) {
	t.Parallel()
	k := realKafka(t)
	topic := k.topic(1)
	for range beforeGroup {
		k.write(&kgo.Record{Topic: topic, Value: []byte("before the group")})
	}
	p := serve(t, k.addr)
	conn := dial(t, p.url("/socket/out?clientId=c&topic="+topic+"&groupId="+topic+"&offsetResetStrategy=latest"))
	var r growthReader
	ctx, cancel := context.WithCancel(t.Context())
	var reading sync.WaitGroup
	reading.Go(func() { r.read(ctx, conn) })
	defer reading.Wait()
	defer cancel()
	await(t, "the group to begin", func() bool { return k.committed(topic, topic)[0] == beforeGroup })

	w := k.writeEvenly(topic)
	await(t, "records to flow", func() bool { return r.has(0) > grownRate })
	_, err := k.admin.CreatePartitions(within(t, patience), grownPartitions-1, topic)
	must(t, err)
	began := time.Now()
	await(t, "records of an added partition", func() bool { return r.has(grownPartitions-1) > 0 })
	noticed := time.Since(began)
	<-time.After(scaled().grown) // of load
	ends := w.stop(t)
	ends[0] -= beforeGroup
	await(t, "all records", func() bool {
		for partition, end := range ends {
			if r.has(partition) < end {
				return false
			}
		}
		return true
	})
	if slices.Contains(ends, 0) {
		t.Errorf("a partition got no records: %v", ends)
	}
	must(t, r.err)
	t.Logf("%v records written, 0 skipped; those of added partitions come %v after the partitions", ends, noticed.Round(100*time.Millisecond))
}
