//go:build linux

package overload

import (
	"flag"
	"testing"
	"time"

	"go.uber.org/goleak"
)

var length = flag.Duration("length", 40*time.Second, "how long more is offered than Kafka takes, each time")

// patience is how long a test waits for what should soon be. It only has to be longer than the slowest machine takes.
const patience = 2 * time.Minute

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
