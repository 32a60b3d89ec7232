package consume

import (
	"context"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/metrics"
)

// joinWait is how long a consumer that is being closed may still be joining: a rebalance can wait for
// other members much longer.
const joinWait = 3 * time.Second

// Close ends reading, after it has told the owner that all partitions are revoked. With leave, the group
// assigns them to other members at once; without, it keeps them for the client until the SessionTimeout.
// The owner is not called anymore when Close has returned.
func (c *Consumer) Close(ctx context.Context, leave bool) {
	defer c.lags.end(c.holding)
	defer c.fetched.close()
	c.fetched.stop()
	c.stopGrowth()
	waiting, cancel := context.WithTimeout(ctx, joinWait)
	defer cancel()
	joining := c.client.LeaveGroupContext(waiting) != nil // a static member stays in the group
	member := c.member()
	if joining {
		// franz-go calls revoked only after the consumer has joined. If it does, and a commit takes
		// long, this call waits for the commit before abort would cancel it.
		c.revoked(ctx, c.client, map[string][]int32{c.options.Topic.Name: c.members.all()})
		if leave && member == "" && c.leaveLater() {
			return
		}
		c.abort()
	} else if leave {
		c.logLeave(c.leave(ctx, member, c.leaveByOwn))
	}
	c.end()
	if joining && leave {
		c.logLeave(c.leave(ctx, member, c.leaveByLookups))
	}
}

// end closes the consumer's client.
func (c *Consumer) end() {
	defer c.abort()
	c.client.Close()
	// Close lets franz-go poll once more. The leave, if it comes after Close, waits for that poll.
	c.client.AllowRebalance()
	c.metrics.KafkaClients(metrics.ConsumerClient).Dec()
}

func (c *Consumer) logLeave(err error) {
	if err != nil {
		c.log.Warn("leaving the group failed: Kafka waits for the session timeout", "err", err)
	}
}
