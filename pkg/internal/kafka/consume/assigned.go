package consume

import (
	"context"
	"maps"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// assigned tells the owner where delivery starts, before the first fetch. If the group has no usable
// committed offset, assigned looks up the start offset itself, so that it can be committed: franz-go
// would resolve it at the first fetch, where the proxy cannot see it.
func (c *Consumer) assigned(ctx context.Context, all map[string]map[int32]kgo.Offset) (map[string]map[int32]kgo.Offset, error) {
	<-c.made
	partitions := all[c.options.Topic.Name]
	starts, err := c.starts(ctx, partitions)
	if err != nil {
		return nil, err
	}
	reached := make(map[int32]int64, len(partitions))
	for partition, start := range starts {
		at := partitions[partition].EpochOffset().Offset
		if start.Commit {
			at = start.Offset
			partitions[partition] = kgo.NewOffset().At(at)
		}
		reached[partition] = at
	}
	c.own(starts, reached)
	return all, nil
}

// own begins the ownership of the partitions.
func (c *Consumer) own(starts map[int32]proxy.Start, reached map[int32]int64) {
	c.moving.take()
	defer c.moving.end()
	if c.closed {
		return
	}
	c.holding.hold(reached)
	c.fetched.assigned()
	c.members.assigned(c.member(), maps.Keys(starts))
	c.size.lead(c.leaders())
	c.options.Owner.Assigned(starts)
}

// starts decides at which offsets the partitions start, given the group's committed offsets.
func (c *Consumer) starts(ctx context.Context, partitions map[int32]kgo.Offset) (map[int32]proxy.Start, error) {
	var asked []int32
	rule := starting{reset: c.options.Reset}
	begins := false
	for partition, offset := range partitions {
		committed := offset.EpochOffset().Offset >= 0
		begins = begins || !committed && rule.reset == ResetLatest
		if committed && rule.reset != ResetNone || !committed && rule.reset == ResetLatest {
			asked = append(asked, partition)
		}
	}
	if begins {
		var err error
		if rule.begun, err = c.begunPartitions(ctx); err != nil {
			return nil, err
		}
	}
	logs := c.logRanges(ctx, asked)
	starts := make(map[int32]proxy.Start, len(partitions))
	for partition, offset := range partitions {
		start, err := c.startOf(rule, partition, offset.EpochOffset().Offset, logs[partition])
		if err != nil {
			return nil, err
		}
		starts[partition] = start
	}
	return starts, nil
}

// startOf decides at which offset one partition starts.
func (c *Consumer) startOf(rule starting, partition int32, committed int64, log logRange) (proxy.Start, error) {
	if committed >= 0 {
		start := rule.resume(committed, log)
		if start.Commit {
			c.log.Warn("the log does not have the group's position: delivery starts by the offsetResetStrategy",
				"partition", partition, "position", committed, "start", start.Offset)
		}
		return start, nil
	}
	if rule.reset != ResetLatest {
		return proxy.Start{}, nil
	}
	if log.err != nil { // an unknown start offset cannot be committed
		return proxy.Start{}, log.err
	}
	start := rule.begin(partition, c.begun.noted(partition), log)
	c.begun.note(partition, start.Offset)
	return start, nil
}
