package produce

import (
	"context"

	"github.com/twmb/franz-go/pkg/kgo"
)

// pinned as a record's context says that its Partition was set by the client. The field
// alone cannot tell: franz-go fills it in too.
type pinned struct{ context.Context }

// noPartition is what franz-go fails a record for, without an attempt to write it.
const noPartition = -1

// partitioner chooses partitions as Java's default partitioner does (murmur2 of the key,
// sticky without one), except for pinned records, and for those that only ask, see topic_load.go.
type partitioner struct{ java kgo.Partitioner }

func newPartitioner() kgo.Partitioner { return partitioner{kgo.StickyKeyPartitioner(nil)} }

// ForTopic implements kgo.Partitioner.
func (p partitioner) ForTopic(topic string) kgo.TopicPartitioner {
	return topicPartitioner{p.java.ForTopic(topic)}
}

// topicPartitioner is a partitioner of one topic.
type topicPartitioner struct{ kgo.TopicPartitioner }

// RequiresConsistency implements kgo.TopicPartitioner: a pinned record may not move from a
// partition that cannot be written now.
func (p topicPartitioner) RequiresConsistency(r *kgo.Record) bool {
	return isPinned(r) || isProbe(r) || p.TopicPartitioner.RequiresConsistency(r)
}

// Partition implements kgo.TopicPartitioner.
func (p topicPartitioner) Partition(r *kgo.Record, n int) int {
	switch asked := r.Context.(type) {
	case pinned:
		return int(r.Partition)
	case *probeContext:
		asked.look(r.Topic, n)
		return noPartition
	}
	return p.TopicPartitioner.Partition(r, n)
}

// OnNewBatch implements kgo.TopicPartitionerOnNewBatch.
func (p topicPartitioner) OnNewBatch() {
	if sticky, ok := p.TopicPartitioner.(kgo.TopicPartitionerOnNewBatch); ok {
		sticky.OnNewBatch()
	}
}

func isPinned(r *kgo.Record) bool {
	_, ok := r.Context.(pinned)
	return ok
}

func isProbe(r *kgo.Record) bool {
	_, ok := r.Context.(*probeContext)
	return ok
}
