package workload

import (
	"context"
	"time"
)

// Pause waits, and reports whether ctx has not ended.
func Pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// lookEvery is the interval at which Within checks the condition.
const lookEvery = 50 * time.Millisecond

// Within waits until a condition holds, and reports whether it did in time.
func Within(limit time.Duration, holds func() bool) bool {
	for by := time.Now().Add(limit); !holds(); {
		if time.Now().After(by) {
			return false
		}
		Pause(context.Background(), lookEvery)
	}
	return true
}
