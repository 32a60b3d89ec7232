package produce

import (
	"context"

	"github.com/twmb/franz-go/pkg/kgo"
)

// pinned as a record's context says that its Partition was set by the client. The field
// alone cannot tell: franz-go fills it in too.
type pinned struct{ context.Context }

// partitioner chooses partitions as Java's default partitioner does (murmur2 of the key,
// sticky without one), except for pinned records.
type partitioner struct{ java kgo.Partitioner }

func newPartitioner() kgo.Partitioner { return partitioner{kgo.StickyKeyPartitioner(nil)} }

// ForTopic implements kgo.Partitioner.
func (p partitioner) ForTopic(topic string) kgo.TopicPartitioner {
	return topicPartitioner{p.java.ForTopic(topic)}
}

type topicPartitioner struct{ kgo.TopicPartitioner }

// RequiresConsistency implements kgo.TopicPartitioner: a pinned record may not move from a
// partition that cannot be written now.
func (p topicPartitioner) RequiresConsistency(r *kgo.Record) bool {
	return isPinned(r) || p.TopicPartitioner.RequiresConsistency(r)
}

// Partition implements kgo.TopicPartitioner.
func (p topicPartitioner) Partition(r *kgo.Record, n int) int {
	if isPinned(r) {
		return int(r.Partition)
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
