//go:build unix

package real

import (
	"context"
	"flag"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/test/process"
)

var (
	seed   = flag.Uint64("seed", 7, "decides the faults, their order and their lengths")
	update = flag.Bool("update", false, "write the table of what happened into the README")
)

// built is the program: it is removed when all tests are over.
var built process.Program

func TestMain(m *testing.M) {
	code := m.Run()
	if err := built.Remove(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// pause waits, and tells whether ctx still holds.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// within waits until a condition holds, and tells whether it did in time.
func within(limit time.Duration, holds func() bool) bool {
	for by := time.Now().Add(limit); !holds(); {
		if time.Now().After(by) {
			return false
		}
		pause(context.Background(), 50*time.Millisecond)
	}
	return true
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
