package consume

import (
	"context"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/metrics"
)

// joinWait is how long a consumer that is closed may still be joining: a rebalance can wait
// for others much longer.
const joinWait = 3 * time.Second

// Close ends reading, after the owner was told that all partitions are revoked. With leave, the
// group gives them to others at once; without, it keeps them for the client until the
// SessionTimeout.
func (c *Consumer) Close(ctx context.Context, leave bool) {
	defer c.lags.end(c.holding)
	c.stopGrowth()
	waiting, cancel := context.WithTimeout(ctx, joinWait)
	defer cancel()
	joining := c.client.LeaveGroupContext(waiting) != nil // a static member stays in the group
	member := c.member()
	if joining {
		// Until it has joined, franz-go revokes nothing. Where it does, and a commit takes long, this
		// waits for that, before abort would end it.
		c.revoked(ctx, c.client, map[string][]int32{c.options.Topic.Name: c.members.all()})
		c.abort()
	} else if leave {
		c.logLeave(c.leave(ctx, member, c.leaveByOwn))
	}
	defer c.abort()
	c.client.Close()
	// franz-go polls once more in Close, which a leave that comes second waits for.
	c.client.AllowRebalance()
	if joining && leave {
		c.logLeave(c.leave(ctx, member, c.leaveByLookups))
	}
	c.metrics.KafkaClients(metrics.ConsumerClient).Dec()
}

func (c *Consumer) logLeave(err error) {
	if err != nil {
		c.log.Warn("leaving the group failed: Kafka waits for the session timeout", "err", err)
	}
}
