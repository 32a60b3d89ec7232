package consume

import (
	"context"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// goBack begins the ownership of partitions anew if the log was truncated below the position that was
// already read. The group's position follows: else the group would keep its position, and skip records
// that are written up to there while its clients are disconnected. A rebalance waits for goBack, at most
// for rangeTimeout for all partitions together: records that a poll returns after the loss belong to the
// new ownership.
func (c *Consumer) goBack(ctx context.Context, losses []*kgo.ErrDataLoss) {
	if len(losses) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, rangeTimeout)
	defer cancel()
	starts, reached := make(map[int32]proxy.Start), make(map[int32]int64)
	for _, lost := range c.truncated(ctx, c.behind(losses)) {
		if own, _ := c.members.split(c.member(), []int32{lost.Partition}); len(own) > 0 {
			starts[lost.Partition] = proxy.Start{Offset: lost.ResetTo, Commit: true}
			reached[lost.Partition] = lost.ResetTo
		}
	}
	if len(starts) > 0 {
		c.own(starts, reached)
	}
}

// behind logs losses, and returns those after which the consumer continues at a lower offset.
func (c *Consumer) behind(losses []*kgo.ErrDataLoss) (behind []*kgo.ErrDataLoss) {
	for _, lost := range losses {
		c.log.Warn("records were lost: the log was truncated or retention passed the group's position", "err", lost)
		if lost.ResetTo < lost.ConsumedTo {
			behind = append(behind, lost)
		}
	}
	return behind
}

// truncated returns the losses whose log was truncated, or diverged, before the position that was read
// (KIP-320): if a broker refuses a position for another reason, the consumer does not go back.
func (c *Consumer) truncated(ctx context.Context, losses []*kgo.ErrDataLoss) (truncated []*kgo.ErrDataLoss) {
	ends := c.epochEnds(ctx, losses)
	var partitions []int32
	for _, lost := range losses {
		partitions = append(partitions, lost.Partition)
	}
	ranges := c.logRanges(ctx, partitions)
	for _, lost := range losses {
		log := ranges[lost.Partition]
		end, told := ends[lost.Partition]
		if !told && log.err == nil {
			end, told = log.end, true
		}
		// A position before the log's start is no place to go back to: retention has passed it.
		if told && end < lost.ConsumedTo && (log.err != nil || lost.ResetTo >= log.start) {
			truncated = append(truncated, lost)
		}
	}
	return truncated
}

// epochEnds returns the end offsets of the leader epochs of which records were read last, for partitions
// for which they are known.
func (c *Consumer) epochEnds(ctx context.Context, losses []*kgo.ErrDataLoss) map[int32]int64 {
	ends := make(map[int32]int64)
	var request kadm.OffsetForLeaderEpochRequest
	for _, lost := range losses {
		if lost.ConsumedToEpoch >= 0 {
			request.Add(c.options.Topic.Name, lost.Partition, lost.ConsumedToEpoch)
		}
	}
	if len(request) == 0 {
		return ends
	}
	epochs, err := c.admin.OffsetForLeaderEpoch(ctx, request)
	if err != nil {
		c.log.Debug("the end offsets of leader epochs are not known", "err", err)
	}
	for partition, end := range epochs[c.options.Topic.Name] {
		if end.Err == nil && end.LeaderEpoch >= 0 {
			ends[partition] = end.EndOffset
		}
	}
	return ends
}
