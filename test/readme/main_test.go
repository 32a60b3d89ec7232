// Package readme tests the README and the pages of docs/: their commands are run, their messages sent,
// their tables made from the code, their links followed.
package readme

import (
	"flag"
	"testing"

	"go.uber.org/goleak"
)

// update is the flag that writes the generated parts of pages:
//
//	go test ./test/readme -run Generated -update
var update = flag.Bool("update", false, "write the generated parts of pages")

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }
