package process

import (
	"fmt"
	"testing"
	"time"
)

// servePatience bounds how long a proxy may take to listen, and to be ready.
const servePatience = time.Minute

// Serve builds the program and runs it as a proxy with these settings until the test's end. It returns
// when the proxy is ready.
func Serve(t testing.TB, settings []string) *Process {
	t.Helper()
	var program Program
	path, err := program.Path()
	if err != nil {
		t.Fatal(err)
	}
	p, err := Start(path, settings, "serve")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		p.Kill()
		if err := program.Remove(); err != nil {
			t.Error(err)
		}
		if t.Failed() {
			t.Logf("the proxy printed:\n%s", p.Stderr.Tail())
		}
	})
	Await(t, servePatience, "the proxy to be ready", func() error {
		_, management, listens := p.Addresses()
		if !listens {
			return fmt.Errorf("it does not listen, and printed\n%s", p.Stderr.Tail())
		}
		_, err := Get(management, "/readyz", servePatience)
		return err
	})
	return p
}

// Await waits until there is no problem anymore. The last one is reported when the time is over.
func Await(t testing.TB, limit time.Duration, what string, problem func() error) {
	t.Helper()
	deadline := time.After(limit)
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
			t.Fatalf("waited %v for %s: %v", limit, what, err)
		}
	}
}
