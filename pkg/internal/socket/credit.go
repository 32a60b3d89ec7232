package socket

import (
	"context"
	"fmt"
	"math"
	"sync/atomic"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/codec"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// Credit is how many records a client is ready to be sent: browsers cannot stop reading a WebSocket, so that TCP
// cannot hold records back for them. It is at most math.MaxInt64: what is granted beyond that is lost. A nil
// *Credit has no limit. Any goroutine may grant, one at a time may wait and take.
type Credit struct {
	left    atomic.Int64
	granted chan struct{} // one token: there were grants since the taker began to wait
}

// NewCredit returns a Credit of n records. n must not be negative.
func NewCredit(n int64) *Credit {
	c := &Credit{granted: make(chan struct{}, 1)}
	c.left.Store(n)
	return c
}

// grant adds n records. Neither c may be nil nor n negative.
func (c *Credit) grant(n int64) {
	for {
		left := c.left.Load()
		if c.left.CompareAndSwap(left, left+min(n, math.MaxInt64-left)) {
			break
		}
	}
	select {
	case c.granted <- struct{}{}:
	default:
	}
}

// of returns how many of n records may be sent now. They may be until the taker takes some.
func (c *Credit) of(n int) int {
	if c == nil {
		return n
	}
	return int(min(int64(n), c.left.Load()))
}

// await is of, and waits until a record may be sent. The error is ctx's, wrapped.
func (c *Credit) await(ctx context.Context, n int) (int, error) {
	for {
		if may := c.of(n); may > 0 {
			return may, nil
		}
		select {
		case <-c.granted:
		case <-ctx.Done():
			return 0, fmt.Errorf("wait for credit: %w", ctx.Err())
		}
	}
}

// take uses credit for n records, which of or await has returned.
func (c *Credit) take(n int) {
	if c != nil {
		c.left.Add(-int64(n))
	}
}

// giveBack returns the credit of a record that was taken and is not sent.
func (c *Credit) giveBack() {
	if c != nil {
		c.grant(1)
	}
}

// takeGrant takes a client's message {"credit":n}. taken is false for other messages. Only a wrong one has an
// answer, which is the error.
func (c *Credit) takeGrant(frame []byte) (taken bool, e *proxy.Error) {
	n, taken, e := codec.DecodeGrant(frame)
	switch {
	case !taken:
		return false, nil
	case c == nil:
		return true, proxy.Errorf(proxy.KindInvalidMessage, "This connection has no credit: it was opened without the parameter credit.")
	case e == nil:
		c.grant(n)
	}
	return true, e
}

// takeGrant takes a message that grants credit. Like a renewal it is text under every payload; under JSON it may be
// binary, as commits may.
func (f *out) takeGrant(text bool, frame []byte) bool {
	if !text && f.options.Codec.Binary() {
		return false
	}
	taken, err := f.options.Credit.takeGrant(frame)
	if err != nil {
		f.sendError(err, "", false)
	}
	return taken
}
