package outside

import (
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/test/process"
)

// running is the program, running.
type running struct {
	*process.Process
	t testing.TB
}

// start runs the program with arguments and settings. It is killed at the test's end.
func start(t testing.TB, settings []string, args ...string) *running {
	t.Helper()
	path, err := built.Path()
	must(t, err)
	p, err := process.Start(path, settings, args...)
	must(t, err)
	t.Cleanup(func() {
		p.Kill()
		if t.Failed() {
			t.Logf("wsproxy %s, %v, printed:\n%s", strings.Join(args, " "), p.State(), p.Stderr.Tail())
		}
	})
	return &running{p, t}
}

// terminate asks the program to end.
func (r *running) terminate() {
	r.t.Helper()
	must(r.t, r.Signal(syscall.SIGTERM))
}

// exit waits for the program's end and returns its exit code.
func (r *running) exit(limit time.Duration) int {
	r.t.Helper()
	select {
	case <-r.Done():
	case <-time.After(limit):
		r.t.Fatalf("still running after %v", limit)
	}
	return r.State().ExitCode()
}
