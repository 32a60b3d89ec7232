package cluster

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// ErrClosed tells that the client that was to be asked is closed.
var ErrClosed = errors.New("the Kafka client is closed")

// Calls are requests under way whose callers do not wait for longer than their contexts last:
// while brokers are silent, franz-go has requests wait behind each other's dials, whatever their
// contexts.
type Calls struct {
	mu     sync.Mutex
	closed bool           // guarded by mu
	open   sync.WaitGroup // guarded by mu while closed is not set
}

// Run runs a call, unless none is let in anymore.
func (c *Calls) Run(call func()) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return ErrClosed
	}
	c.open.Go(call)
	return nil
}

// Refuse lets no further call in.
func (c *Calls) Refuse() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
}

// Wait waits for those under way, whose client is closed by now.
func (c *Calls) Wait() { c.open.Wait() }

// Within calls franz-go, and does not wait for longer than ctx lasts.
func Within[T any](ctx context.Context, c *Calls, request func(context.Context) (T, error)) (answer T, err error) {
	type outcome struct {
		answer T
		err    error
	}
	done := make(chan outcome, 1)
	err = c.Run(func() {
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

// Pause waits, but not beyond ctx.
func Pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// Ask sends a request to one broker and waits for the answer.
func Ask[A kmsg.Response](ctx context.Context, broker *kgo.Broker, request kmsg.Request) (A, error) {
	answer, err := broker.Request(ctx, request)
	if err != nil {
		return *new(A), err
	}
	a, ok := answer.(A)
	if !ok {
		return a, fmt.Errorf("the answer is a %T", answer)
	}
	return a, nil
}
