//go:build linux

package leaks

import (
	"fmt"
	"testing"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/test/process"
)

// patience is how long a test waits for a condition that should soon hold. It only has to be
// longer than the slowest machine takes.
const patience = time.Minute

// await waits until there is no problem anymore.
func await(t *testing.T, what string, problem func() error) {
	t.Helper()
	process.Await(t, patience, what, problem)
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
