package cli_test

import (
	"os"
	"testing"

	"go.uber.org/goleak"
)

// TestMain has clients find no profiles and no credentials of whoever runs the tests.
func TestMain(m *testing.M) {
	for _, name := range []string{"NETRC", "WSPROXY_PROFILES"} {
		if err := os.Setenv(name, os.DevNull); err != nil {
			panic(err)
		}
	}
	goleak.VerifyTestMain(m)
}
