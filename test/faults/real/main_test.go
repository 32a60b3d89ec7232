//go:build unix

package real

import (
	"flag"
	"fmt"
	"os"
	"testing"

	"github.com/wsproxy/kafka-websocket-proxy/test/faults/checker"
	"github.com/wsproxy/kafka-websocket-proxy/test/process"
)

var (
	seed   = flag.Uint64("seed", 7, "decides the faults, their order and their lengths")
	soak   = flag.Duration("soak", 0, "let faults happen for half of this long in each run, instead of once each")
	update = flag.Bool("update", false, "write the table of what happened into docs/reliability.md")
)

// built is the program: it is removed when all tests are over.
var built process.Program

// sum is of all runs.
var sum checker.Totals

func TestMain(m *testing.M) {
	code := m.Run()
	if err := built.Remove(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	if *soak > 0 {
		fmt.Println(&sum)
	}
	os.Exit(code)
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
