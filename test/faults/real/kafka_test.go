//go:build unix

package real

import (
	"context"
	"fmt"
	"strings"
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
	// lateGroup begins at the end.
	lateGroup = "late"
	// maxMessageBytes is the topic's, low enough that clients meet it.
	maxMessageBytes = "4096"
	// watchEvery is how often the groups' positions are read, askLimit what Kafka has for
	// answering: it may be away.
	watchEvery = 100 * time.Millisecond
	askLimit   = 2 * time.Second
	readLimit  = 5 * time.Minute
	// askPause is between two tries.
	askPause = 100 * time.Millisecond
)

// observer is Kafka as a plain client sees it.
type observer struct {
	broker    string // its addresses, between commas
	client    *kgo.Client
	admin     *kadm.Client
	recorder  *history.Recorder
	instances instances // changed with mu held, by the one who changes the topic

	committed committed
	beside    follower

	mu        sync.Mutex // guards what follows
	positions map[string]map[int32]int64
}

func newObserver(t testing.TB, broker string, recorder *history.Recorder) *observer {
	t.Helper()
	client, err := kgo.NewClient(seeds(broker), kgo.MetadataMinAge(100*time.Millisecond)) // kadm answers from what is not older than that
	must(t, err)
	t.Cleanup(client.Close)
	o := &observer{broker: broker, client: client, admin: kadm.NewClient(client), recorder: recorder, positions: map[string]map[int32]int64{
		autoGroup: {}, manualGroup: {}, lateGroup: {},
	}}
	must(t, o.make(t.Context(), partitions))
	return o
}

func seeds(addresses string) kgo.Opt { return kgo.SeedBrokers(strings.Split(addresses, ",")...) }

// watch records the groups' positions as they change, until ctx ends.
func (o *observer) watch(ctx context.Context) {
	for workload.Pause(ctx, watchEvery) {
		for _, group := range []string{autoGroup, manualGroup, lateGroup} {
			o.look(ctx, group)
		}
	}
}

func (o *observer) look(ctx context.Context, group string) {
	ctx, cancel := context.WithTimeout(ctx, askLimit)
	defer cancel()
	o.mu.Lock()
	instance := o.instances.number
	o.mu.Unlock()
	offsets, err := o.admin.FetchOffsets(ctx, group)
	if err != nil {
		return // Kafka is away
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if instance != o.instances.number {
		return // nobody knows of which these are
	}
	known := o.positions[group]
	offsets.Each(func(r kadm.OffsetResponse) {
		if r.Err != nil || r.Topic != topic || r.At < 0 || known[r.Partition] == r.At {
			return
		}
		known[r.Partition] = r.At
		o.recorder.Add(history.Event{Kind: history.Position, Group: group, Instance: instance, Partition: r.Partition, Offset: r.At})
	})
}

// ends returns the offset after the last record of each partition.
func (o *observer) ends() (map[int32]int64, error) { return o.endsOf(topic) }

func (o *observer) endsOf(topic string) (map[int32]int64, error) {
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

// log returns what the topic has held since it was made last.
func (o *observer) log() (map[int32][]checker.Record, error) {
	if err := o.archive(); err != nil {
		return nil, err
	}
	return ordered(o.instances.seen), nil
}
