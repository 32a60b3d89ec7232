package e2e

import (
	"fmt"
	"sync/atomic"
	"testing"
	"time"
)

const (
	// patience bounds every wait for a condition that should hold soon. It is generous: a test machine
	// may be busy, and only a test that fails waits as long.
	patience = 60 * time.Second
	// lookInterval is how often a condition is checked.
	lookInterval = 20 * time.Millisecond
)

// eventually waits until condition holds.
func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	eventuallyWithin(t, patience, what, condition)
}

func eventuallyWithin(t *testing.T, limit time.Duration, what string, condition func() bool) {
	t.Helper()
	ticker := time.NewTicker(lookInterval)
	defer ticker.Stop()
	deadline := time.After(limit)
	for !condition() {
		select {
		case <-ticker.C:
		case <-deadline:
			t.Fatalf("not within %v: %s", limit, what)
		}
	}
}

var names atomic.Int64 // numbers the unique names

// unique returns a name that nothing else in this process has.
func unique(prefix string) string { return fmt.Sprintf("%s-%d", prefix, names.Add(1)) }
