//go:build unix

package real

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/wsproxy/kafka-websocket-proxy/test/faults/checker"
	"github.com/wsproxy/kafka-websocket-proxy/test/faults/history"
	"github.com/wsproxy/kafka-websocket-proxy/test/faults/workload"
)

const (
	// changeLimit is what Kafka has for a change of the topic.
	changeLimit = 30 * time.Second
	// quietFor is for how long a log that nobody can write to must not have grown.
	quietFor = time.Second
)

// instances are what the topic was each time that it was made.
type instances struct {
	number int // of the present one, counted from 0
	ended  []checker.Instance
	seen   map[int32]map[int64]checker.Record // what was read of the present one
}

// make makes the topic.
func (o *observer) make(ctx context.Context, count int32) error {
	limit := maxMessageBytes
	ctx, cancel := context.WithTimeout(ctx, changeLimit)
	defer cancel()
	for {
		_, err := o.admin.CreateTopic(ctx, count, -1, map[string]*string{"max.message.bytes": &limit}, topic)
		if err == nil {
			break
		}
		if !workload.Pause(ctx, askPause) {
			return fmt.Errorf("making the topic: %w", err)
		}
	}
	o.instances.seen, o.committed = make(map[int32]map[int64]checker.Record), committed{}
	o.recorder.Add(history.Event{Kind: history.Made, Instance: o.instances.number, Count: int(count)})
	return nil
}

// remove deletes the topic once nobody can write to it and all that it holds was read. Until Kafka has
// forgotten the groups' positions, no other can be made.
func (o *observer) remove(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, changeLimit)
	defer cancel()
	if err := o.freeze(ctx); err != nil {
		return err
	}
	if err := o.archive(); err != nil {
		return err
	}
	o.recorder.Add(history.Event{Kind: history.Ended, Instance: o.instances.number})
	o.mu.Lock()
	defer o.mu.Unlock()
	if _, err := o.admin.DeleteTopic(ctx, topic); err != nil {
		return fmt.Errorf("deleting the topic: %w", err)
	}
	if err := o.awaitForgotten(ctx); err != nil {
		return err
	}
	o.instances.ended = append(o.instances.ended, checker.Instance{Log: ordered(o.instances.seen)})
	o.instances.number++
	for group := range o.positions {
		o.positions[group] = make(map[int32]int64)
	}
	return nil
}

const (
	// frozenBytes is the size of batches that a frozen topic takes: the markers that end transactions, of 78 bytes, and no
	// records, whose values are longer than minValue by themselves. A topic that took no markers either would leave
	// transactions open for ever, see [TestLongKafkaEndsNoTransactionWhoseMarkerATopicRefuses].
	frozenBytes = "100"
	minValue    = 120
)

// freeze has Kafka refuse all records that are written to the topic, as too large. To ask for more replicas in
// sync than there are does not do: Kafka is content with all that there are.
func (o *observer) freeze(ctx context.Context) error {
	least := frozenBytes
	change := []kadm.AlterConfig{{Op: kadm.SetConfig, Name: "max.message.bytes", Value: &least}}
	answers, err := o.admin.AlterTopicConfigs(ctx, change, topic)
	if err == nil && len(answers) > 0 {
		err = answers[0].Err
	}
	if err != nil {
		return fmt.Errorf("freezing the topic: %w", err)
	}
	ends, since := map[int32]int64(nil), time.Now()
	for ends == nil || time.Since(since) < quietFor {
		now, err := o.ends()
		if err != nil || !maps.Equal(ends, now) {
			ends, since = now, time.Now()
		}
		if !workload.Pause(ctx, askPause) {
			return fmt.Errorf("freezing the topic: %w", ctx.Err())
		}
	}
	return nil
}

// awaitForgotten waits until Kafka has forgotten the groups' positions in the topic.
func (o *observer) awaitForgotten(ctx context.Context) error {
	for group := range o.positions {
		for {
			offsets, err := o.admin.FetchOffsets(ctx, group)
			if _, known := offsets[topic]; err == nil && !known {
				break
			}
			if !workload.Pause(ctx, askPause) {
				return fmt.Errorf("group %s keeps its positions in the topic: %w", group, errors.Join(ctx.Err(), err))
			}
		}
	}
	return nil
}

// grow adds partitions.
func (o *observer) grow(ctx context.Context, more int) error {
	ctx, cancel := context.WithTimeout(ctx, changeLimit)
	defer cancel()
	answers, err := o.admin.CreatePartitions(ctx, more, topic)
	if err == nil {
		err = answers.Error()
	}
	if err != nil {
		return fmt.Errorf("adding partitions: %w", err)
	}
	ends, err := o.ends()
	if err != nil {
		return err
	}
	o.recorder.Add(history.Event{Kind: history.Grown, Instance: o.instances.number, Count: len(ends)})
	return nil
}

// trim has every partition lose what it holds now.
func (o *observer) trim(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, changeLimit)
	defer cancel()
	ends, err := o.ends()
	if err != nil {
		return err
	}
	if err := o.archive(); err != nil {
		return err
	}
	var all kadm.Offsets
	for partition, end := range ends {
		o.recorder.Add(history.Event{Kind: history.Trim, Instance: o.instances.number, Partition: partition, Offset: end})
		all.AddOffset(topic, partition, end, -1)
	}
	answers, err := o.admin.DeleteRecords(ctx, all)
	if err == nil {
		err = answers.Error()
	}
	if err != nil {
		return fmt.Errorf("deleting records: %w", err)
	}
	return nil
}

// archive reads what the topic holds now.
func (o *observer) archive() error { return o.read(topic, o.keep) }

// read reads what a topic holds now, but for records of transactions that were aborted.
func (o *observer) read(topic string, keep func(*kgo.Record)) error {
	ctx, cancel := context.WithTimeout(context.Background(), readLimit)
	defer cancel()
	starts, err := o.admin.ListStartOffsets(ctx, topic)
	if err != nil {
		return fmt.Errorf("asking for the log's start: %w", err)
	}
	ends, err := o.endsOf(topic)
	if err != nil {
		return err
	}
	at := make(map[int32]int64)
	for partition := range ends {
		start, _ := starts.Lookup(topic, partition)
		at[partition] = start.Offset
	}
	return o.readUpTo(ctx, topic, at, ends, keep)
}

// readUpTo reads on from at, which it moves, until no partition is below its end. The markers that end transactions are
// records to that end, so that it waits for those that are open.
func (o *observer) readUpTo(ctx context.Context, topic string, at, ends map[int32]int64, keep func(*kgo.Record)) error {
	from := make(map[int32]kgo.Offset)
	for partition, end := range ends {
		if at[partition] < end {
			from[partition] = kgo.NewOffset().At(at[partition])
		}
	}
	if len(from) == 0 {
		return nil
	}
	client, err := kgo.NewClient(seeds(o.broker), kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: from}),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.KeepControlRecords())
	if err != nil {
		return fmt.Errorf("making a client: %w", err)
	}
	defer client.Close()
	for slices.ContainsFunc(slices.Collect(maps.Keys(ends)), func(partition int32) bool { return at[partition] < ends[partition] }) {
		fetches := client.PollFetches(ctx)
		if ctx.Err() != nil {
			return fmt.Errorf("reading the log, at %v of %v: %w", at, ends, ctx.Err())
		}
		for r := range fetches.RecordsAll() {
			at[r.Partition] = r.Offset + 1
			if !r.Attrs.IsControl() {
				keep(r)
			}
		}
	}
	return nil
}

func (o *observer) keep(r *kgo.Record) {
	seen := o.instances.seen
	if seen[r.Partition] == nil {
		seen[r.Partition] = make(map[int64]checker.Record)
	}
	seen[r.Partition][r.Offset] = workload.Entry(r)
}

// ordered is a log of what was read.
func ordered(seen map[int32]map[int64]checker.Record) map[int32][]checker.Record {
	log := make(map[int32][]checker.Record)
	for partition, records := range seen {
		for _, offset := range slices.Sorted(maps.Keys(records)) {
			log[partition] = append(log[partition], records[offset])
		}
	}
	return log
}
