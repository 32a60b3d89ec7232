package socket

import "time"

// clock is the reader's clock. It shows the same time for all messages that arrived together, since reading the
// system's clock takes longer than much else that is done for a message. The reader resets it whenever it may
// have waited.
type clock struct{ read time.Time }

func (c *clock) now() time.Time {
	if c.read.IsZero() {
		c.read = time.Now()
	}
	return c.read
}

func (c *clock) reset() { c.read = time.Time{} }

// acksPerLook is how many acknowledgements have one look at the clock: as few that a backlog notices within a request's
// acknowledgements that messages wait for too long.
const acksPerLook = 16

// ackClock is the clock of acknowledgements, which come many at once. It shows a time that is at most acksPerLook
// acknowledgements old, and never before what is acknowledged was received.
type ackClock struct {
	read time.Time
	uses int // that are left
}

// after returns the time, for a message that was received at a time.
func (c *ackClock) after(received time.Time) time.Time {
	if c.uses == 0 || !c.read.After(received) {
		c.read, c.uses = time.Now(), acksPerLook
	}
	c.uses--
	return c.read
}
