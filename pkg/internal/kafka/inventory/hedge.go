package inventory

import (
	"context"
	"sync"
	"time"
)

const (
	// hedgeDelay is how long a request that any broker can answer waits before another broker is asked, too.
	hedgeDelay = 300 * time.Millisecond
	// hedges is how often such a request is made at most. franz-go takes the brokers in turn, and may take one
	// twice when a turn ends and the next one begins.
	hedges = 4
)

// answered is the outcome of one attempt.
type answered[T any] struct {
	answer T
	err    error
}

// hedged makes a request that any broker can answer, and makes it again, to another broker, each time that one
// stays silent for a while or fails. It returns the first answer, or the last error.
func hedged[T any](ctx context.Context, request func(context.Context) (T, error)) (T, error) {
	var all sync.WaitGroup
	defer all.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	outcomes := make(chan answered[T], hedges)
	attempt := func() {
		all.Go(func() {
			answer, err := request(ctx)
			outcomes <- answered[T]{answer, err}
		})
	}
	attempt()
	timer := time.NewTimer(hedgeDelay)
	defer timer.Stop()
	made, failed := 1, 0
	for {
		select {
		case o := <-outcomes:
			if failed++; o.err == nil || failed == hedges || ctx.Err() != nil {
				return o.answer, o.err
			}
		case <-timer.C:
		}
		if made < hedges {
			attempt()
			made++
			timer.Reset(hedgeDelay)
		}
	}
}
