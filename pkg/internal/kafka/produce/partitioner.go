package produce

import (
	"context"

	"github.com/twmb/franz-go/pkg/kgo"
)

// pinned, as a record's context, marks a record whose Partition was set by the client. The field alone
// does not show this: franz-go sets it too.
type pinned struct{ context.Context }

// noPartition makes franz-go fail a record without an attempt to write it.
const noPartition = -1

// partitioner chooses partitions as Java's default partitioner does (murmur2 of the key, sticky without
// a key), except for pinned records, and for probes, see topic_load.go.
type partitioner struct{ java kgo.Partitioner }

func newPartitioner() kgo.Partitioner { return partitioner{kgo.StickyKeyPartitioner(nil)} }

// ForTopic implements kgo.Partitioner.
func (p partitioner) ForTopic(topic string) kgo.TopicPartitioner {
	return topicPartitioner{p.java.ForTopic(topic)}
}

// topicPartitioner is a partitioner of one topic.
type topicPartitioner struct{ kgo.TopicPartitioner }

// RequiresConsistency implements kgo.TopicPartitioner: a pinned record must not move away from a
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
