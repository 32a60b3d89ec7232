package socket

import (
	"sync/atomic"
	"time"
)

const (
	// lateShare is the part of the delivery timeout, an eighth, after which an acknowledgement is late. A bound that doubles
	// while none is late has messages wait for a quarter of the timeout. Where Kafka becomes slow, they wait for longer until
	// the first is late: with a quarter here, 13 of 100 answers of the first minute of an overload were TIMEOUT.
	lateShare = 8
	// leastWaiting is the lowest bound: a request to Kafka has as many messages at least, where they come as fast.
	leastWaiting = 16
)

// backlog bounds how many messages of a connection wait for Kafka. Where Kafka takes them more slowly than they come,
// they would wait until their time is over, cost all the work, and be sent again. So the bound is halved when one waits
// for too long, at most once for the messages that wait then, and grows by one with each that is acknowledged in time, as
// the window of TCP does while it is small (RFC 5681). It is below what clients may have without an answer: the proxy
// reads later what it would read, and refuses nothing.
type backlog struct {
	most  int64         // that the bound may be
	after time.Duration // a message is late

	bound   atomic.Int64
	waiting atomic.Int64

	halved time.Time // guarded by the lock of the answers
}

// newBacklog returns the backlog of a connection with a window of messages, which has the whole of it at first.
func newBacklog(window int, deliveryTimeout time.Duration) *backlog {
	b := &backlog{most: int64(window), after: deliveryTimeout / lateShare}
	b.bound.Store(b.most)
	return b
}

// hasRoom tells whether another message may be read.
func (b *backlog) hasRoom() bool { return b.waiting.Load() < b.bound.Load() }

// read counts messages that were read, and wait for Kafka from now on.
func (b *backlog) read(messages int) { b.waiting.Add(int64(messages)) }

// answered counts a message that was received at a time and waits no longer. The lock of the answers is held.
func (b *backlog) answered(received, now time.Time, acknowledged bool) {
	b.checkAge(received, now)
	b.waiting.Add(-1)
	if bound := b.bound.Load(); acknowledged && bound < b.most && now.Sub(received) < b.after {
		b.bound.Store(bound + 1)
	}
}

// checkAge halves the bound where a message that was received at a time is late by now, unless it was halved since then: what
// was read before says nothing of the bound. The lock of the answers is held.
func (b *backlog) checkAge(received, now time.Time) {
	if now.Sub(received) < b.after || received.Before(b.halved) {
		return
	}
	b.halved = now
	half := min(b.bound.Load(), b.waiting.Load()) / 2
	b.bound.Store(max(half, min(leastWaiting, b.most)))
}
