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

// begunPrefix begins the metadata of the proxy's commits. The number of partitions that the topic had
// when the group began follows. Commits of older members are read by it: it must not change.
const begunPrefix = "wsproxy partitions="

// begun is what a consumer knows of its group's beginning.
type begun struct {
	mu         sync.Mutex      // guards what follows
	partitions int32           // how many the topic had, 0 where it is not known
	found      map[int32]int64 // where the consumer started partitions that had no commit
}

// learn takes the number of partitions that a commit tells of. Members that began at the same time may
// have seen different numbers. The least of them counts: what was added after any of them was
// connected is new.
func (b *begun) learn(metadata *string) {
	if partitions, ok := begunWith(metadata); ok {
		b.mu.Lock()
		defer b.mu.Unlock()
		if b.partitions == 0 || partitions < b.partitions {
			b.partitions = partitions
		}
	}
}

// number is how many partitions the topic had, 0 where it is not known.
func (b *begun) number() int32 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.partitions
}

// metadata is what commits carry, nil where nothing is known.
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

// note remembers where a partition without a commit starts. Should it come back before the start was
// committed, it starts there again.
func (b *begun) note(partition int32, start int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.found == nil {
		b.found = make(map[int32]int64)
	}
	b.found[partition] = start
}

// noted returns where a partition without a commit started, -1 where it never did.
func (b *begun) noted(partition int32) int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	if start, ok := b.found[partition]; ok {
		return start
	}
	return -1
}

// judge takes what a group has committed of the topic. Where it has committed nothing it begins now,
// and the topic has as many partitions as the consumer was opened with.
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
	case b.partitions > 0: // a commit tells
	case last >= 0:
		b.partitions = last + 1
	default:
		b.partitions = opened
	}
	return b.partitions
}

// learnBegun looks for the number in what franz-go has fetched, which costs no request.
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
		return 0, fmt.Errorf("looking up what the group has committed: %w", err)
	}
	return c.begun.judge(commits, c.options.Topic.Name, c.opened), nil
}

// starting is the rule for where partitions start.
type starting struct {
	reset OffsetReset
	begun int32 // under latest, how many partitions the topic had when the group began
}

// resume is for a partition that the group has committed.
func (s starting) resume(committed int64, log logRange) proxy.Start {
	if s.reset == ResetNone || log.holds(committed) {
		return proxy.Start{Offset: committed}
	}
	if s.reset == ResetLatest {
		return proxy.Start{Offset: log.last, Commit: true}
	}
	return proxy.Start{Offset: log.start, Commit: true}
}

// begin is for a partition that the group has not committed, under latest. Where the consumer has had it
// before, noted is where that started, else below 0.
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
