package socket

import "github.com/wsproxy/kafka-websocket-proxy/pkg/internal/budget"

const (
	// copiesWhileRead is how many times the bytes of a message are held until its records are
	// produced: as they came, and decoded.
	copiesWhileRead = 2
	// smallBuffer is the largest buffer for writing that is not charged to the memory budget:
	// it is part of what a connection costs in any case.
	smallBuffer = keptMessageBuffer
)

// reserve takes room in the memory budget for a message that turns out to be long, before more of it
// is read. Its length is not known yet, so that it takes as much as there may be: one that took
// more and more could wait for others that do the same.
func (c *Conn) reserve() error {
	if c.reserved > 0 || len(c.message) < keptMessageBuffer {
		return nil
	}
	c.readSince.Store(notReading) // the peer's silence is not its fault
	bytes := copiesWhileRead * c.settings.MaxMessageBytes
	if c.settings.Budget.Acquire(c.done, budget.Receiving, bytes) != nil {
		return errEnded
	}
	c.reserved = bytes
	c.readSince.Store(int64(c.since()))
	return nil
}

// reserveOnly gives back what a message that was read whole does not need.
func (c *Conn) reserveOnly(message int) {
	if spare := c.reserved - copiesWhileRead*int64(message); spare > 0 {
		c.settings.Budget.Release(budget.Receiving, spare)
		c.reserved -= spare
	}
}

// unreserve gives all of it back.
func (c *Conn) unreserve() { c.reserveOnly(0) }

// chargeOut charges the writer's buffer, of so many bytes, to the memory budget.
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

// shrinkOut is called when the writer has nothing to do. It lets go of its buffer where memory is
// scarce, and of what was held for a buffer that was not kept.
func (c *Conn) shrinkOut() {
	if cap(c.out) > smallBuffer && c.settings.Budget.IsTight() {
		c.out = nil
	}
	c.chargeOut(cap(c.out))
}
