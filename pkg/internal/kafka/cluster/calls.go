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

// ErrClosed means that the client for a request is closed.
var ErrClosed = errors.New("the Kafka client is closed")

// Calls are goroutines that run calls for their callers, until their owner has waited for all of them.
type Calls struct {
	mu     sync.Mutex
	closed bool           // guarded by mu
	open   sync.WaitGroup // guarded by mu while closed is not set
}

// Run runs a call in a goroutine. It returns ErrClosed after Refuse.
func (c *Calls) Run(call func()) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return ErrClosed
	}
	c.open.Go(call)
	return nil
}

// Refuse makes Run refuse further calls.
func (c *Calls) Refuse() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
}

// Wait waits for the calls under way. Their client is closed by now.
func (c *Calls) Wait() { c.open.Wait() }

// Pause waits for d, or until ctx ends.
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
	return as[A](broker.Request(ctx, request))
}

// as converts an answer to its type.
func as[A kmsg.Response](answer kmsg.Response, err error) (A, error) {
	if err != nil {
		return *new(A), err
	}
	a, ok := answer.(A)
	if !ok {
		return a, fmt.Errorf("the answer is a %T", answer)
	}
	return a, nil
}
