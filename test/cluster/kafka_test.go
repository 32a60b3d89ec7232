//go:build cluster

package cluster

import (
	"context"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/wsproxy/kafka-websocket-proxy/test/faults/checker"
	"github.com/wsproxy/kafka-websocket-proxy/test/faults/history"
)

// kafka is a Kafka that the environment names, as a plain client sees it.
type kafka struct {
	brokers []string
	admin   *kadm.Client
}

func newKafka(t *testing.T, brokers string) *kafka {
	t.Helper()
	k := &kafka{brokers: strings.Split(brokers, ",")}
	client, err := kgo.NewClient(kgo.SeedBrokers(k.brokers...))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	k.admin = kadm.NewClient(client)
	return k
}

// create makes the topics of the loads, which go with the test.
func (k *kafka) create(t *testing.T, s *site) {
	t.Helper()
	var names []string
	for _, name := range topics() {
		names = append(names, s.topic(name))
	}
	created, err := k.admin.CreateTopics(t.Context(), partitions, -1, nil, names...)
	if err == nil {
		err = created.Error()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { k.remove(t, names...) })
}

// positions returns where a group is, as events for the checker.
func (k *kafka) positions(ctx context.Context, group, topic string) (events []history.Event, err error) {
	offsets, err := k.admin.FetchOffsets(ctx, group)
	if err != nil {
		return nil, fmt.Errorf("asking for the positions of group %s: %w", group, err)
	}
	offsets.Each(func(o kadm.OffsetResponse) {
		if o.Topic == topic && o.At >= 0 {
			events = append(events, history.Event{
				Kind: history.Position, At: time.Now(), Group: group, Partition: o.Partition, Offset: o.At,
			})
		}
	})
	return events, nil
}

// log reads a topic whole.
func (k *kafka) log(ctx context.Context, topic string) (map[int32][]checker.Record, error) {
	listed, err := k.admin.ListEndOffsets(ctx, topic)
	if err == nil {
		err = listed.Error()
	}
	if err != nil {
		return nil, fmt.Errorf("asking for the end of %s: %w", topic, err)
	}
	ends, at := map[int32]int64{}, map[int32]int64{}
	listed.Each(func(o kadm.ListedOffset) { ends[o.Partition], at[o.Partition] = o.Offset, 0 })
	client, err := kgo.NewClient(kgo.SeedBrokers(k.brokers...), kgo.ConsumeTopics(topic), kgo.ConsumeStartOffset(kgo.NewOffset().AtStart()))
	if err != nil {
		return nil, fmt.Errorf("making a client: %w", err)
	}
	defer client.Close()
	log := map[int32][]checker.Record{}
	for !maps.Equal(at, ends) {
		fetches := client.PollFetches(ctx)
		if ctx.Err() != nil {
			return nil, fmt.Errorf("reading %s, at %v of %v: %w", topic, at, ends, ctx.Err())
		}
		for r := range fetches.RecordsAll() {
			id := string(r.Value)
			at[r.Partition] = r.Offset + 1
			log[r.Partition] = append(log[r.Partition], checker.Record{Offset: r.Offset, ID: id, Content: history.Content(nil, &id, nil)})
		}
	}
	return log, nil
}
