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

// Calls are what runs beside the goroutine that asked for it, until their owner has waited for all.
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
