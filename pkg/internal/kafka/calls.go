package kafka

import (
	"context"
	"errors"
	"sync"
)

// errGone tells that the client that was to be asked is closed.
var errGone = errors.New("the Kafka client is closed")

// calls are requests under way whose callers do not wait for longer than their contexts last:
// while brokers are silent, franz-go has requests wait behind each other's dials, whatever their
// contexts.
type calls struct {
	mu     sync.Mutex
	closed bool           // guarded by mu
	open   sync.WaitGroup // guarded by mu while closed is not set
}

// run runs a call, unless none is let in anymore.
func (c *calls) run(call func()) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return errGone
	}
	c.open.Go(call)
	return nil
}

// refuse lets no further call in.
func (c *calls) refuse() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
}

// wait waits for those under way, whose client is closed by now.
func (c *calls) wait() { c.open.Wait() }

// within calls franz-go, and does not wait for longer than ctx lasts.
func within[T any](ctx context.Context, c *calls, request func(context.Context) (T, error)) (answer T, err error) {
	type outcome struct {
		answer T
		err    error
	}
	done := make(chan outcome, 1)
	err = c.run(func() {
		answer, err := request(ctx)
		done <- outcome{answer, err}
	})
	if err != nil {
		return answer, err
	}
	select {
	case o := <-done:
		return o.answer, o.err
	case <-ctx.Done():
		return answer, ctx.Err()
	}
}
