package socket

import (
	"testing"
	"testing/synctest"
	"time"
)

// TestAckClockIsNeverBehindAMessage has acknowledgements of one message after another, an hour apart: a time of the ack
// before would make none late.
func TestAckClockIsNeverBehindAMessage(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var c ackClock
		for range 3 * acksPerLook {
			received := time.Now()
			time.Sleep(time.Hour)
			if age := c.after(received).Sub(received); age != time.Hour {
				t.Fatalf("a message of an hour is %v old", age)
			}
		}
	})
}

// TestAckClockGoesOnWithinSomeAcks has the acknowledgements of messages that were received together come an hour apart.
func TestAckClockGoesOnWithinSomeAcks(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var c ackClock
		received := time.Now()
		for range 3 * acksPerLook {
			time.Sleep(time.Hour)
			if late := time.Since(c.after(received)); late >= acksPerLook*time.Hour {
				t.Fatalf("the clock is %v late", late)
			}
		}
	})
}
