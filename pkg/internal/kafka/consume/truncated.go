package consume

import (
	"context"
	"maps"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// rangeTimeout bounds looking up whether positions lie within the log.
const rangeTimeout = 5 * time.Second

// backIntoRange lets partitions start by the group's strategy where its committed position lies
// beyond the log's end, which was truncated then, or is another one. franz-go would do so at the
// first fetch, unseen: the group would keep its position, and skip what is written up to there.
// Where the ends cannot be had the fetch tells.
func (c *Consumer) backIntoRange(ctx context.Context, partitions map[int32]kgo.Offset) {
	if c.options.Reset == ResetNone || !anyCommitted(partitions) {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, rangeTimeout)
	defer cancel()
	ends, err := c.admin.ListEndOffsets(ctx, c.options.Topic.Name)
	if err != nil {
		c.log.Debug("the ends of the topic are not known", "err", err)
		return
	}
	var beyond []int32
	for partition, offset := range partitions {
		end, ok := ends.Lookup(c.options.Topic.Name, partition)
		if ok && end.Err == nil && offset.EpochOffset().Offset > end.Offset {
			beyond = append(beyond, partition)
		}
	}
	if len(beyond) > 0 {
		c.startAnew(ctx, partitions, beyond, ends)
	}
}

// startAnew lets partitions start at what the strategy names.
func (c *Consumer) startAnew(ctx context.Context, partitions map[int32]kgo.Offset, beyond []int32, ends kadm.ListedOffsets) {
	to := ends
	if c.options.Reset != ResetLatest {
		var err error
		if to, err = c.admin.ListStartOffsets(ctx, c.options.Topic.Name); err != nil {
			c.log.Debug("the begins of the topic are not known", "err", err)
			return
		}
	}
	for _, partition := range beyond {
		start, ok := to.Lookup(c.options.Topic.Name, partition)
		if !ok || start.Err != nil {
			continue
		}
		c.log.Warn("the group's position lies beyond the log's end: delivery starts by the offsetResetStrategy",
			"partition", partition, "position", partitions[partition].EpochOffset().Offset, "start", start.Offset)
		partitions[partition] = kgo.NewOffset().At(start.Offset)
	}
}

func anyCommitted(partitions map[int32]kgo.Offset) bool {
	for _, offset := range partitions {
		if offset.EpochOffset().Offset >= 0 {
			return true
		}
	}
	return false
}

// goBack begins the ownership of a partition anew where the log was truncated behind what was
// read, so that the group follows: it would else keep its position, and skip what is written up
// to there when its clients come back.
func (c *Consumer) goBack(ctx context.Context, lost *kgo.ErrDataLoss) {
	if lost.ResetTo >= lost.ConsumedTo || !c.isTruncated(ctx, lost) {
		return
	}
	if own, _ := c.members.split(c.member(), []int32{lost.Partition}); len(own) == 0 {
		return
	}
	starts := map[int32]proxy.Start{lost.Partition: {Offset: lost.ResetTo, Commit: c.options.Reset == ResetLatest}}
	c.holding.hold(map[int32]int64{lost.Partition: lost.ResetTo})
	c.members.assigned(c.member(), maps.Keys(starts))
	c.options.Owner.Assigned(starts)
}

// isTruncated asks whether the log ends, or went on otherwise, before what was read of it
// (KIP-320): a broker that refuses a position for another reason takes nobody back.
func (c *Consumer) isTruncated(ctx context.Context, lost *kgo.ErrDataLoss) bool {
	ctx, cancel := context.WithTimeout(ctx, rangeTimeout)
	defer cancel()
	if lost.ConsumedToEpoch >= 0 {
		var request kadm.OffsetForLeaderEpochRequest
		request.Add(c.options.Topic.Name, lost.Partition, lost.ConsumedToEpoch)
		epochs, err := c.admin.OffsetForLeaderEpoch(ctx, request)
		end := epochs[c.options.Topic.Name][lost.Partition]
		if err == nil && end.Err == nil && end.LeaderEpoch >= 0 {
			return end.EndOffset < lost.ConsumedTo
		}
	}
	ends, err := c.admin.ListEndOffsets(ctx, c.options.Topic.Name)
	end, ok := ends.Lookup(c.options.Topic.Name, lost.Partition)
	return err == nil && ok && end.Err == nil && end.Offset < lost.ConsumedTo
}
