package consume

import (
	"context"
	"time"
)

const (
	// laterAtMost bounds the closed consumers of a replica that still wait for their first join: each
	// keeps a client with its connections.
	laterAtMost = 100
	// laterWait is how long a closed consumer waits for its first join: a group waits for its members'
	// rebalance timeout.
	laterWait = rebalanceTimeout + 10*time.Second
)

// leaveLater lets a consumer that is closed during its first join leave once Kafka has told it its member
// id, which Kafka does when the rebalance ends. Without the leave, the group would give partitions to a
// member that has no client, and take them back only after the session timeout. leaveLater reports false
// if too many consumers wait already.
//
// The successor of the consumer, a member with the same instance id, need not wait: Kafka answers the
// join of a member that it replaces with FENCED_INSTANCE_ID (KIP-345).
func (c *Consumer) leaveLater() bool {
	select {
	case c.later <- struct{}{}:
	default:
		return false
	}
	c.moving.take()
	c.closed = true
	c.moving.end()
	go func() {
		defer func() { <-c.later }()
		defer c.end()
		ctx, cancel := context.WithTimeout(c.client.Context(), laterWait)
		defer cancel()
		if err := c.client.LeaveGroupContext(ctx); err != nil { // has begun already, this waits for it
			c.logLeave(err)
			return
		}
		c.logLeave(c.leave(ctx, c.member(), c.leaveByOwn))
	}()
	return true
}
