//go:build unix

package real

import (
	"flag"
	"fmt"
	"os"
	"testing"

	"github.com/wsproxy/kafka-websocket-proxy/test/process"
)

var (
	seed   = flag.Uint64("seed", 7, "decides the faults, their order and their lengths")
	update = flag.Bool("update", false, "write the table of what happened into docs/reliability.md")
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

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
