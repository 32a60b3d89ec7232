// Package readme tests the README: its commands are run, its messages sent, its tables made
// from the code.
package readme

import (
	"flag"
	"testing"

	"go.uber.org/goleak"
)

// update is the flag that writes the README's generated parts:
//
//	go test ./test/readme -run Generated -update
var update = flag.Bool("update", false, "write the generated parts of the README")

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }
