package consume

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

const (
	// rangeTimeout bounds the lookup of the start and end offsets of logs.
	rangeTimeout = 5 * time.Second
	// Special timestamps of ListOffsets requests: the offsets that they return do not depend on the
	// timestamps of records.
	atStart, atEnd = -2, -1
	// committedOnly selects the end offset of the transactions that have ended.
	committedOnly = 1
)

// errNoAnswer means that Kafka left a partition out of an answer.
var errNoAnswer = errors.New("the answer leaves the partition out")

// logRange is the start and end offset of a partition's log. If err is set, they are unknown.
type logRange struct {
	start, end int64
	last       int64 // where a reader of future records starts: the end, or that of the committed part
	err        error
}

// holds reports whether a group may continue at a position. If the range is unknown, it returns true:
// the fetch will show it.
func (r logRange) holds(position int64) bool {
	return r.err != nil || r.start <= position && position <= r.end
}

// logRanges looks up the logs of the given partitions, and of no others, since in a rebalance each
// member sends this request.
func (c *Consumer) logRanges(ctx context.Context, partitions []int32) map[int32]logRange {
	if len(partitions) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, rangeTimeout)
	defer cancel()
	var starts, ends, lasts map[int32]listed
	var asking sync.WaitGroup
	asking.Go(func() { starts = c.list(ctx, partitions, atStart, 0) })
	asking.Go(func() { ends = c.list(ctx, partitions, atEnd, 0) })
	if c.options.ReadCommitted {
		asking.Go(func() { lasts = c.list(ctx, partitions, atEnd, committedOnly) })
	}
	asking.Wait()
	if !c.options.ReadCommitted {
		lasts = ends
	}
	ranges := make(map[int32]logRange, len(partitions))
	for _, p := range partitions {
		ranges[p] = logRange{starts[p].offset, ends[p].offset, lasts[p].offset, errors.Join(starts[p].err, ends[p].err, lasts[p].err)}
	}
	return ranges
}

// listed is what Kafka returned for one partition.
type listed struct {
	offset int64
	err    error
}

// list asks the leaders of partitions for one kind of offset. If one leader does not answer, the answers
// of the others still count.
func (c *Consumer) list(ctx context.Context, partitions []int32, timestamp int64, isolation int8) map[int32]listed {
	request := kmsg.NewPtrListOffsetsRequest()
	request.IsolationLevel = isolation
	topic := kmsg.NewListOffsetsRequestTopic()
	topic.Topic = c.options.Topic.Name
	answers := make(map[int32]listed, len(partitions))
	for _, p := range partitions {
		answers[p] = listed{err: errNoAnswer}
		partition := kmsg.NewListOffsetsRequestTopicPartition()
		partition.Partition, partition.Timestamp = p, timestamp
		topic.Partitions = append(topic.Partitions, partition)
	}
	request.Topics = append(request.Topics, topic)
	for _, shard := range c.client.RequestSharded(ctx, request) {
		if answer, ok := shard.Resp.(*kmsg.ListOffsetsResponse); ok && shard.Err == nil {
			collectListed(answers, answer)
		} else if asked, ok := shard.Req.(*kmsg.ListOffsetsRequest); ok {
			failListed(answers, asked, shard.Err)
		}
	}
	return answers
}

func collectListed(into map[int32]listed, answer *kmsg.ListOffsetsResponse) {
	for _, topic := range answer.Topics {
		for _, p := range topic.Partitions {
			err := kerr.ErrorForCode(p.ErrorCode)
			if err != nil {
				err = fmt.Errorf("looking up the log of partition %d: %w", p.Partition, err)
			}
			into[p.Partition] = listed{p.Offset, err}
		}
	}
}

func failListed(into map[int32]listed, asked *kmsg.ListOffsetsRequest, err error) {
	for _, topic := range asked.Topics {
		for _, p := range topic.Partitions {
			into[p.Partition] = listed{err: fmt.Errorf("looking up the log of partition %d: %w", p.Partition, err)}
		}
	}
}
