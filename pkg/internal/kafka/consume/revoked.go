package consume

import (
	"context"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/metrics"
)

// commitOnRevokeTimeout bounds the commit before partitions move.
const commitOnRevokeTimeout = 5 * time.Second

// revoked commits the owner's positions in partitions before the partitions move to another member.
func (c *Consumer) revoked(ctx context.Context, _ *kgo.Client, all map[string][]int32) {
	c.moving.take()
	defer c.moving.end()
	if c.closed {
		return
	}
	defer c.holding.drop(all[c.options.Topic.Name])
	partitions, stale := c.members.split(c.member(), all[c.options.Topic.Name])
	if len(stale) > 0 {
		c.options.Owner.Lost(stale)
	}
	if len(partitions) == 0 {
		return
	}
	positions := c.options.Owner.Revoked(ctx, partitions)
	if len(positions) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), commitOnRevokeTimeout)
	defer cancel()
	if err := c.Commit(ctx, positions); err != nil {
		c.metrics.Committed(metrics.CommitFailed)
		c.log.Warn("committing offsets before partitions moved failed: records delivered since the last commit are delivered again", "err", err)
		return
	}
	c.metrics.Committed(metrics.CommitOK)
}

// lost tells the owner which partitions Kafka has given to other members, or may have.
func (c *Consumer) lost(_ context.Context, _ *kgo.Client, all map[string][]int32) {
	c.moving.take()
	defer c.moving.end()
	if c.closed {
		return
	}
	c.holding.drop(all[c.options.Topic.Name])
	c.members.lost(all[c.options.Topic.Name])
	c.options.Owner.Lost(all[c.options.Topic.Name])
}
