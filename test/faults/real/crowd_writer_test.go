//go:build unix

package real

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/wsproxy/kafka-websocket-proxy/test/faults/history"
	"github.com/wsproxy/kafka-websocket-proxy/test/faults/workload"
)

const (
	// writeRate is in records a second, which are written writeAtOnce at a time.
	writeRate   = 1000
	writeAtOnce = 50
	// valueBytes is about the length of a value.
	valueBytes = 100
)

// writer writes to the topic at a steady rate, straight to Kafka. While Kafka is away it waits.
type writer struct {
	client   *kgo.Client
	recorder *history.Recorder
	keys     []string
	random   *rand.Rand
	number   int

	writing sync.WaitGroup
	end     context.CancelFunc
}

func crowdKey(n int) string { return fmt.Sprintf("page-%d", n) }

// newWriter begins to write, to so many keys.
func newWriter(t testing.TB, broker string, recorder *history.Recorder, keys int) *writer {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(broker), kgo.DefaultProduceTopic(topic))
	must(t, err)
	w := &writer{client: client, recorder: recorder, random: random(900)}
	for n := range keys {
		w.keys = append(w.keys, crowdKey(n))
	}
	ctx, end := context.WithCancel(t.Context())
	w.end = end
	w.writing.Go(func() { w.run(ctx) })
	t.Cleanup(func() {
		end()
		client.Close() // what waits for Kafka fails
		w.writing.Wait()
	})
	return w
}

// stop returns when all that was begun is written.
func (w *writer) stop() {
	w.end()
	w.writing.Wait()
}

func (w *writer) run(ctx context.Context) {
	conn := w.recorder.Open("")
	tick := time.NewTicker(time.Second * writeAtOnce / writeRate)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			w.write(context.WithoutCancel(ctx), conn)
		}
	}
}

// write writes some records. The order in which they are answered is that of the history, whichever partition was first.
func (w *writer) write(ctx context.Context, conn int) {
	batch := make([]*kgo.Record, 0, writeAtOnce)
	for range writeAtOnce {
		batch = append(batch, w.next(conn))
	}
	failed := make(map[*kgo.Record]bool)
	for _, result := range w.client.ProduceSync(ctx, batch...) {
		failed[result.Record] = result.Err != nil
	}
	for _, r := range batch {
		answer := history.Event{Kind: history.Answer, Conn: conn, ID: workload.IDOf(string(r.Value)), Partition: r.Partition, Offset: r.Offset}
		if failed[r] {
			answer.Code, answer.Retriable = "UNKNOWN", true
		}
		w.recorder.Add(answer)
	}
}

// next is a record, which is about to be sent.
func (w *writer) next(conn int) *kgo.Record {
	w.number++
	id := fmt.Sprintf("w-%d", w.number)
	key, value := w.keys[w.random.IntN(len(w.keys))], id+"|"+strings.Repeat("x", valueBytes)
	w.recorder.Add(history.Event{Kind: history.Send, Conn: conn, ID: id, Content: history.Content(&key, &value, nil)})
	return &kgo.Record{Key: []byte(key), Value: []byte(value)}
}
