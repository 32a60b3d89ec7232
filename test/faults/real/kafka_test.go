//go:build unix

package real

import (
	"context"
	"fmt"
	"maps"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/wsproxy/kafka-websocket-proxy/test/faults/checker"
	"github.com/wsproxy/kafka-websocket-proxy/test/faults/history"
	"github.com/wsproxy/kafka-websocket-proxy/test/faults/workload"
)

const (
	topic       = "readings"
	partitions  = 4
	autoGroup   = "auto"
	manualGroup = "manual"
	// maxMessageBytes is the topic's, low enough that clients meet it.
	maxMessageBytes = "4096"
	// watchEvery is how often the groups' positions are read, askLimit what Kafka has for
	// answering: it may be away.
	watchEvery = 100 * time.Millisecond
	askLimit   = 2 * time.Second
	readLimit  = 5 * time.Minute
)

// observer is Kafka as a plain client sees it.
type observer struct {
	broker   string
	admin    *kadm.Client
	recorder *history.Recorder

	mu        sync.Mutex // guards what follows
	positions map[string]map[int32]int64
}

func newObserver(t testing.TB, broker string, recorder *history.Recorder) *observer {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(broker))
	must(t, err)
	t.Cleanup(client.Close)
	o := &observer{broker: broker, admin: kadm.NewClient(client), recorder: recorder, positions: map[string]map[int32]int64{
		autoGroup: {}, manualGroup: {},
	}}
	limit := maxMessageBytes
	_, err = o.admin.CreateTopic(t.Context(), partitions, 1, map[string]*string{"max.message.bytes": &limit}, topic)
	must(t, err)
	return o
}

// watch records the groups' positions as they change, until ctx ends.
func (o *observer) watch(ctx context.Context) {
	for workload.Pause(ctx, watchEvery) {
		for _, group := range []string{autoGroup, manualGroup} {
			o.look(ctx, group)
		}
	}
}

func (o *observer) look(ctx context.Context, group string) {
	ctx, cancel := context.WithTimeout(ctx, askLimit)
	defer cancel()
	offsets, err := o.admin.FetchOffsets(ctx, group)
	if err != nil {
		return // Kafka is away
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	known := o.positions[group]
	offsets.Each(func(r kadm.OffsetResponse) {
		if r.Err != nil || r.Topic != topic || r.At < 0 || known[r.Partition] == r.At {
			return
		}
		known[r.Partition] = r.At
		o.recorder.Add(history.Event{Kind: history.Position, Group: group, Partition: r.Partition, Offset: r.At})
	})
}

// ends returns the offset after the last record of each partition.
func (o *observer) ends() (map[int32]int64, error) {
	ctx, cancel := context.WithTimeout(context.Background(), askLimit)
	defer cancel()
	listed, err := o.admin.ListEndOffsets(ctx, topic)
	if err == nil {
		err = listed.Error()
	}
	if err != nil {
		return nil, fmt.Errorf("asking for the log's end: %w", err)
	}
	ends := make(map[int32]int64)
	listed.Each(func(l kadm.ListedOffset) { ends[l.Partition] = l.Offset })
	return ends, nil
}

// reached tells whether both groups are at or beyond what is given.
func (o *observer) reached(ends map[int32]int64) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, positions := range o.positions {
		for partition, end := range ends {
			if positions[partition] < end {
				return false
			}
		}
	}
	return true
}

// lag says how far the groups are.
func (o *observer) lag(ends map[int32]int64) string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return fmt.Sprintf("the log ends at %v, the groups are at %v", ends, o.positions)
}

// log reads the topic from the broker.
func (o *observer) log(ends map[int32]int64) (map[int32][]checker.Record, error) {
	client, err := kgo.NewClient(kgo.SeedBrokers(o.broker), kgo.ConsumeTopics(topic), kgo.ConsumeStartOffset(kgo.NewOffset().AtStart()))
	if err != nil {
		return nil, fmt.Errorf("making a client: %w", err)
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(context.Background(), readLimit)
	defer cancel()
	log, at := make(map[int32][]checker.Record), make(map[int32]int64)
	for partition := range ends {
		at[partition] = 0
	}
	for !maps.Equal(at, ends) {
		fetches := client.PollFetches(ctx)
		if ctx.Err() != nil {
			return nil, fmt.Errorf("reading the log, at %v of %v: %w", at, ends, ctx.Err())
		}
		for r := range fetches.RecordsAll() {
			at[r.Partition] = r.Offset + 1
			log[r.Partition] = append(log[r.Partition], workload.Entry(r))
		}
	}
	return log, nil
}
