//go:build linux

package leaks

import (
	"fmt"
	"testing"
	"time"
)

// patience is how long a test waits for a condition that should soon hold. It only has to be
// longer than the slowest machine takes.
const patience = time.Minute

// await waits until a condition holds. What is still amiss is told by problem, which returns
// nil when the condition holds.
func await(t *testing.T, what string, problem func() error) {
	t.Helper()
	deadline := time.After(patience)
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		err := problem()
		if err == nil {
			return
		}
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("waited %v for %s: %v", patience, what, err)
		}
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// unless returns nil where a condition holds.
func unless(holds bool, format string, args ...any) error {
	if holds {
		return nil
	}
	return fmt.Errorf(format, args...)
}
