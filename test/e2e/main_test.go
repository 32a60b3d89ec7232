package e2e

import (
	"flag"
	"testing"

	"go.uber.org/goleak"
)

// atATime is how many tests run at a time. Most of them wait for something most of the time,
// so that it is not the number of processors that counts.
const atATime = "12"

func TestMain(m *testing.M) { goleak.VerifyTestMain(suite{m}) }

// suite closes the tests' shared resources before goleak searches for leaked goroutines.
type suite struct{ *testing.M }

// Run implements goleak.TestingM.
func (s suite) Run() int {
	flag.Parse()
	if err := flag.Set("test.parallel", atATime); err != nil {
		panic(err) // the flag of the testing package
	}
	code := s.M.Run()
	if err := closeShared(); err != nil {
		println("closing the brokers:", err.Error())
		return 1
	}
	return code
}
