//go:build synctests

package virtual

import (
	"context"
	"fmt"
	"maps"
	"strconv"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/wsproxy/kafka-websocket-proxy/test/faults/checker"
	"github.com/wsproxy/kafka-websocket-proxy/test/faults/workload"
)

const (
	// besideTopic is compacted, and read by tails alone.
	besideTopic      = "prices"
	besidePartitions = 2
)

// besideState is what is known of the compacted topic.
type besideState struct {
	mu    sync.Mutex                      // guards what follows
	seen  map[int32]map[int64]*kgo.Record // all that were read
	there map[int32]map[int64]*kgo.Record // at the last time
}

// makeBeside creates the topic.
func (w *world) makeBeside() error {
	err := w.kafka.CreateTopic(besideTopic, besidePartitions, map[string]string{
		"cleanup.policy": "compact", "max.message.bytes": strconv.Itoa(maxMessageBytes),
	})
	if err != nil {
		return fmt.Errorf("creating the compacted topic: %w", err)
	}
	return nil
}

// besideProducer writes to the compacted topic.
func (w *world) besideProducer() *workload.Producer {
	r := w.plan.random(780)
	p := &workload.Producer{
		Client: w.client("beside", r), Rand: r, Partitions: besidePartitions, Keyed: true,
		Burst: 1 + r.IntN(15), Every: between(r, 100*time.Millisecond, time.Second), MaxSize: maxMessageBytes / 4,
		Life: between(r, time.Second, w.plan.length), Ending: workload.AnyEnding,
	}
	p.Topic, p.Beside = besideTopic, true
	return p
}

// compact keeps what the topic holds, and has the brokers compact it.
func (w *world) compact() error {
	if !w.plan.beside {
		return nil
	}
	w.topic.frozen.Store(true)
	defer w.topic.frozen.Store(false)
	if err := w.archiveBeside(); err != nil {
		return err
	}
	w.kafka.Compact()
	return nil
}

// archiveBeside reads what the topic holds.
func (w *world) archiveBeside() error {
	w.topic.reading.Store(true)
	defer w.topic.reading.Store(false)
	left := make(map[int32]int64)
	for _, p := range w.kafka.PartitionInfos(besideTopic) {
		if p.HighWatermark > 0 {
			left[p.Partition] = p.HighWatermark - 1 // compaction keeps the last record
		}
	}
	client, err := kgo.NewClient(kgo.SeedBrokers(w.kafka.ListenAddrs()...), kgo.Dialer(w.clients.Dial), kgo.ConsumeTopics(besideTopic),
		kgo.ConsumeStartOffset(kgo.NewOffset().AtStart()))
	if err != nil {
		return fmt.Errorf("making a client: %w", err)
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(context.Background(), archiveLimit)
	defer cancel()
	there := make(map[int32]map[int64]*kgo.Record)
	for len(left) > 0 {
		fetches := client.PollFetches(ctx)
		if ctx.Err() != nil {
			return fmt.Errorf("reading the compacted log: %v are left: %w", left, ctx.Err())
		}
		for r := range fetches.RecordsAll() {
			keepIn(there, r)
			if left[r.Partition] == r.Offset {
				delete(left, r.Partition)
			}
		}
	}
	w.beside.mu.Lock()
	defer w.beside.mu.Unlock()
	w.beside.there = there
	for _, records := range there {
		for _, r := range records {
			keepIn(w.beside.seen, r)
		}
	}
	return nil
}

func keepIn(seen map[int32]map[int64]*kgo.Record, r *kgo.Record) {
	if seen[r.Partition] == nil {
		seen[r.Partition] = make(map[int64]*kgo.Record)
	}
	seen[r.Partition][r.Offset] = r
}

// besideLogs returns what the topic holds and has held.
func (w *world) besideLogs() (map[string]map[int32][]checker.Record, error) {
	if !w.plan.beside {
		return nil, nil
	}
	if err := w.archiveBeside(); err != nil {
		return nil, err
	}
	w.beside.mu.Lock()
	defer w.beside.mu.Unlock()
	log := make(map[int32][]checker.Record)
	for partition, records := range w.beside.seen {
		for _, r := range committed(inOrder(records)) {
			r.IsRemoved = w.beside.there[partition][r.Offset] == nil
			log[partition] = append(log[partition], r)
		}
	}
	return map[string]map[int32][]checker.Record{besideTopic: log}, nil
}

// allEnds are the ends of the partitions of both topics.
func (w *world) allEnds() map[groupPartition]int64 {
	ends := make(map[groupPartition]int64)
	for _, name := range []string{topic, besideTopic} {
		for _, p := range w.kafka.PartitionInfos(name) {
			ends[groupPartition{group: name, partition: p.Partition}] = p.HighWatermark
		}
	}
	return ends
}

// isQuiet tells whether no record was written since.
func (w *world) isQuiet(before map[groupPartition]int64) bool { return maps.Equal(before, w.allEnds()) }
