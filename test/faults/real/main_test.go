//go:build unix

package real

import (
	"flag"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/test/process"
)

var (
	seed   = flag.Uint64("seed", 7, "decides the faults, their order and their lengths")
	soak   = flag.Duration("soak", 0, "how long each run takes, set-up and end included, in which faults happen again and again")
	only   = flag.String("faults", "", "let only faults happen whose names match this regular expression")
	update = flag.Bool("update", false, "write the table of what happened into docs/reliability.md")
)

// built is the program: it is removed when all tests are over.
var built process.Program

// sum is of all runs.
var sum tally

func TestMain(m *testing.M) {
	began := time.Now()
	code := m.Run()
	if err := built.Remove(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	if *soak > 0 {
		fmt.Print(sum.summary(time.Since(began)))
	}
	os.Exit(code)
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
