package admin

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// target says where the offsets of a group in a topic are to be set: to single offsets, or in all partitions
// to the place that one other member gives.
type target struct {
	offsets   []proxy.GroupOffset
	to        end    // empty if another member counts
	timestamp *int64 // ms since the epoch
	shift     *int64 // from where they are
}

// end is an end of a partition.
type end string

const (
	earliest end = "earliest"
	latest   end = "latest"
)

// plan returns the offsets that are to be set, all of which the topic has, and those that the group has in the
// topic before.
func (g *Groups) plan(ctx context.Context, group *proxy.Group, name string, wanted target) (offsets, before []proxy.GroupOffset, err error) {
	topic, _, err := g.Topics.Topic(ctx, name)
	if err != nil {
		return nil, nil, err
	}
	before, err = g.Kafka.GroupOffsets(ctx, group.ID, group.Type)
	if err != nil {
		return nil, nil, err
	}
	before = ofTopic(before, name)
	switch {
	case wanted.offsets != nil:
		offsets = wanted.offsets
		err = checkOffsets(offsets, topic, group.Type)
	case wanted.shift != nil:
		offsets, err = shifted(before, topic, *wanted.shift)
	case wanted.timestamp != nil:
		offsets, err = g.since(ctx, topic, *wanted.timestamp)
	default:
		offsets, err = ends(topic, wanted.to)
	}
	return offsets, before, err
}

// checkOffsets checks that the topic has all of the offsets. Kafka itself accepts any, and a consumer
// whose offset is out of range is reset to another position.
func checkOffsets(offsets []proxy.GroupOffset, topic proxy.Topic, kind proxy.GroupType) error {
	for i, o := range offsets {
		p, ok := partitionOf(topic, o.Partition)
		if !ok {
			return wrong(i, "partition", fmt.Sprintf("is %d: topic %q has %d partitions, from 0 on", o.Partition, topic.Name, len(topic.Partitions)))
		}
		if p.Start < 0 || p.End < 0 {
			return endsUnknown(topic, p)
		}
		if o.Offset < p.Start || o.Offset > p.End {
			return wrong(i, "offset", fmt.Sprintf("must be from %d to %d, where partition %d begins and ends", p.Start, p.End, o.Partition))
		}
		if kind == proxy.ShareGroup && o.Metadata != "" {
			return wrong(i, "metadata", "must be null: a share group has none")
		}
	}
	return nil
}

func partitionOf(topic proxy.Topic, partition int32) (p proxy.TopicPartition, ok bool) {
	at := slices.IndexFunc(topic.Partitions, func(p proxy.TopicPartition) bool { return p.Partition == partition })
	if at < 0 {
		return p, false
	}
	return topic.Partitions[at], true
}

func endsUnknown(topic proxy.Topic, p proxy.TopicPartition) error {
	return proxy.Errorf(proxy.KindKafkaUnavailable, "Kafka cannot tell where partition %d of topic %q begins and ends now.", p.Partition, topic.Name)
}

// ends returns one end of each partition.
func ends(topic proxy.Topic, to end) (offsets []proxy.GroupOffset, err error) {
	for _, p := range topic.Partitions {
		if p.Start < 0 || p.End < 0 {
			return nil, endsUnknown(topic, p)
		}
		at := p.Start
		if to == latest {
			at = p.End
		}
		offsets = append(offsets, proxy.GroupOffset{Topic: topic.Name, Partition: p.Partition, Offset: at})
	}
	return offsets, nil
}

// shifted returns offsets moved by a number of records, but not beyond the ends of their partitions.
// Partitions without an offset get none.
func shifted(before []proxy.GroupOffset, topic proxy.Topic, by int64) (offsets []proxy.GroupOffset, err error) {
	for _, o := range before {
		p, ok := partitionOf(topic, o.Partition)
		if !ok {
			continue // of an earlier topic of that name
		}
		if p.Start < 0 || p.End < 0 {
			return nil, endsUnknown(topic, p)
		}
		o.Offset = min(max(sum(o.Offset, by), p.Start), p.End)
		offsets = append(offsets, o)
	}
	if len(offsets) == 0 {
		return nil, proxy.Errorf(proxy.KindInvalidValue, `"shift" moves the offsets that the group has, and it has none in topic %q.`, topic.Name)
	}
	return offsets, nil
}

// sum adds a number to an offset, without overflow.
func sum(offset, by int64) int64 {
	if by > 0 && offset > math.MaxInt64-by {
		return math.MaxInt64
	}
	return offset + by
}

// since returns the offset of the first record of each partition since a time in ms.
func (g *Groups) since(ctx context.Context, topic proxy.Topic, ms int64) (offsets []proxy.GroupOffset, err error) {
	all := make([]proxy.PartitionID, len(topic.Partitions))
	for i, p := range topic.Partitions {
		all[i] = proxy.PartitionID{Topic: topic.Name, Partition: p.Partition}
	}
	found, _ := g.Kafka.At(ctx, all, ms)
	for _, p := range all {
		at := found.Of(p)
		if at < 0 {
			return nil, proxy.Errorf(proxy.KindKafkaUnavailable, "Kafka cannot tell now which record of partition %d of topic %q is the first since that time.", p.Partition, topic.Name)
		}
		offsets = append(offsets, proxy.GroupOffset{Topic: topic.Name, Partition: p.Partition, Offset: at})
	}
	return offsets, nil
}

// over returns offsets with changes, by partition. What the lag of a share group would be is not known.
func over(before, changes []proxy.GroupOffset) []proxy.GroupOffset {
	byPartition := make(map[int32]proxy.GroupOffset)
	for _, o := range before {
		byPartition[o.Partition] = o
	}
	for _, o := range changes {
		o.Lag = proxy.Unknown
		byPartition[o.Partition] = o
	}
	var after []proxy.GroupOffset
	for _, o := range byPartition {
		after = append(after, o)
	}
	slices.SortFunc(after, func(a, b proxy.GroupOffset) int { return cmp.Compare(a.Partition, b.Partition) })
	return after
}
