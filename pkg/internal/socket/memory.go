package socket

import "github.com/wsproxy/kafka-websocket-proxy/pkg/internal/budget"

const (
	// copiesWhileRead is how many copies of a message's bytes are held until its records are
	// produced: as received, and decoded.
	copiesWhileRead = 2
	// smallBuffer is the largest buffer for writing that is not charged to the memory budget:
	// it belongs to the fixed cost of a connection.
	smallBuffer = keptMessageBuffer
)

// reserve acquires room in the memory budget for a message that turns out to be long, before more of it
// is read. In fragments its length is not known yet, so that reserve acquires room for the longest one:
// messages that acquired room step by step could wait for each other (a deadlock).
func (c *Conn) reserve() error {
	if c.reserved > 0 {
		return nil
	}
	c.waits()
	bytes := copiesWhileRead * c.settings.MaxMessageBytes
	if c.settings.Budget.Acquire(c.done, budget.Receiving, bytes) != nil {
		return errEnded
	}
	c.clock.reset()
	c.reserved = bytes
	return nil
}

// reserveOnly releases the room that a completely read message does not need.
func (c *Conn) reserveOnly(message int) {
	if spare := c.reserved - copiesWhileRead*int64(message); spare > 0 {
		c.settings.Budget.Release(budget.Receiving, spare)
		c.reserved -= spare
	}
}

// chargeDecoded charges what the decoded message holds beyond its length, until the next Read.
func (c *Conn) chargeDecoded(bytes int64) {
	if bytes <= keptMessageBuffer {
		return
	}
	c.settings.Budget.Charge(budget.Receiving, bytes)
	c.reserved += bytes
}

// unreserve releases all room that reserve has acquired.
func (c *Conn) unreserve() { c.reserveOnly(0) }

// chargeOut charges the writer's buffer, which has size bytes, to the memory budget.
func (c *Conn) chargeOut(size int) {
	bytes := int64(size)
	if bytes <= smallBuffer {
		bytes = 0
	}
	if bytes > c.charged {
		c.settings.Budget.Charge(budget.Writing, bytes-c.charged)
	} else {
		c.settings.Budget.Release(budget.Writing, c.charged-bytes)
	}
	c.charged = bytes
}

// shrinkOut is called when the writer has nothing to do. It drops the writer's buffer where memory is
// scarce, and releases the charge of a buffer that was not kept.
func (c *Conn) shrinkOut() {
	if cap(c.out) > smallBuffer && c.settings.Budget.IsTight() {
		c.out = nil
	}
	c.chargeOut(cap(c.out))
}
