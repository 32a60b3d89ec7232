package health

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Probe runs check at once and then every interval, and sets its result under name, until
// ctx ends; the owner runs it in a goroutine and waits for its return. A run gets a context
// that ends after timeout, and must return when it does; a run longer than interval delays
// the next one, so that there is one at a time. The result of a run that ctx ended is not recorded.
func (c *Checks) Probe(ctx context.Context, name string, interval, timeout time.Duration,
	check func(context.Context) error,
) {
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for {
		err := run(ctx, timeout, check)
		if ctx.Err() != nil {
			return
		}
		c.Set(name, err)
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
	}
}

func run(ctx context.Context, timeout time.Duration, check func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	err := check(ctx)
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() != nil {
		return fmt.Errorf("no answer within %v", timeout)
	}
	return err
}
