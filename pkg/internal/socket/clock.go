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
