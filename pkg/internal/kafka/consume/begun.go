package consume

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// begunPrefix is the prefix of the metadata of the proxy's commits. It is followed by the number of
// partitions that the topic had when the group began. Commits of older members are recognised by it: it
// must not change.
const begunPrefix = "wsproxy partitions="

// begun is what a consumer knows about the beginning of its group.
type begun struct {
	mu         sync.Mutex      // guards what follows
	partitions int32           // how many the topic had, 0 if unknown
	found      map[int32]int64 // start offsets of partitions that had no committed offset
}

// learn takes the number of partitions from the metadata of a commit. Members that began at the same
// time may have seen different numbers. The smallest number counts: a partition that was added after any
// of them was connected is new.
func (b *begun) learn(metadata *string) {
	if partitions, ok := begunWith(metadata); ok {
		b.mu.Lock()
		defer b.mu.Unlock()
		if b.partitions == 0 || partitions < b.partitions {
			b.partitions = partitions
		}
	}
}

// number returns how many partitions the topic had, 0 if unknown.
func (b *begun) number() int32 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.partitions
}

// metadata returns the metadata of commits, nil if the number of partitions is unknown.
func (b *begun) metadata() *string {
	partitions := b.number()
	if partitions == 0 {
		return nil
	}
	return new(begunPrefix + strconv.Itoa(int(partitions)))
}

func begunWith(metadata *string) (partitions int32, ok bool) {
	if metadata == nil {
		return 0, false
	}
	text, ok := strings.CutPrefix(*metadata, begunPrefix)
	if !ok {
		return 0, false
	}
	n, err := strconv.ParseInt(text, 10, 32)
	return int32(n), err == nil && n > 0
}

// note remembers the start offset of a partition without a committed offset. If the partition is
// assigned again before the start offset was committed, it starts there again.
func (b *begun) note(partition int32, start int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.found == nil {
		b.found = make(map[int32]int64)
	}
	b.found[partition] = start
}

// noted returns the start offset of a partition without a committed offset, -1 if there was none.
func (b *begun) noted(partition int32) int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	if start, ok := b.found[partition]; ok {
		return start
	}
	return -1
}

// judge takes a group's committed offsets of the topic. If there are none, the group begins now, and the
// topic has as many partitions as the consumer was opened with.
func (b *begun) judge(commits kadm.OffsetResponses, topic string, opened int32) int32 {
	last := int32(-1)
	for partition, commit := range commits[topic] {
		if commit.Err != nil || commit.At < 0 {
			continue
		}
		last = max(last, partition)
		b.learn(&commit.Metadata)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case b.partitions > 0: // a commit has the number
	case last >= 0:
		b.partitions = last + 1
	default:
		b.partitions = opened
	}
	return b.partitions
}

// learnBegun looks for the number in the offsets that franz-go has fetched, which needs no further
// request.
func (c *Consumer) learnBegun(fetched *kmsg.OffsetFetchResponse) {
	for i := range fetched.Groups {
		for _, topic := range fetched.Groups[i].Topics {
			for _, partition := range topic.Partitions {
				if partition.ErrorCode == 0 && partition.Offset >= 0 {
					c.begun.learn(partition.Metadata)
				}
			}
		}
	}
}

// begunPartitions returns how many partitions the topic had when the group began.
func (c *Consumer) begunPartitions(ctx context.Context) (int32, error) {
	if known := c.begun.number(); known > 0 {
		return known, nil
	}
	ctx, cancel := context.WithTimeout(ctx, rangeTimeout)
	defer cancel()
	commits, err := c.admin.FetchOffsets(ctx, string(c.options.GroupID))
	if err != nil {
		return 0, fmt.Errorf("looking up the group's committed offsets: %w", err)
	}
	return c.begun.judge(commits, c.options.Topic.Name, c.opened), nil
}

// starting is the rule that decides where partitions start.
type starting struct {
	reset OffsetReset
	begun int32 // under latest, how many partitions the topic had when the group began
}

// resume returns the start of a partition for which the group has a committed offset.
func (s starting) resume(committed int64, log logRange) proxy.Start {
	if s.reset == ResetNone || log.holds(committed) {
		return proxy.Start{Offset: committed}
	}
	if s.reset == ResetLatest {
		return proxy.Start{Offset: log.last, Commit: true}
	}
	return proxy.Start{Offset: log.start, Commit: true}
}

// begin returns the start of a partition without a committed offset, under latest. noted is the offset
// at which the partition started earlier in this consumer, below 0 if it did not.
func (s starting) begin(partition int32, noted int64, log logRange) proxy.Start {
	switch {
	case noted >= 0 && log.holds(noted):
		return proxy.Start{Offset: noted, Commit: true}
	case partition < s.begun:
		return proxy.Start{Offset: log.last, Commit: true}
	default:
		return proxy.Start{Offset: log.start, Commit: true}
	}
}
