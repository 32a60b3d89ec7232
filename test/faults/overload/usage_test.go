//go:build linux

package overload

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
)

// memoryOf is the most memory that was resident of a process, in bytes.
func memoryOf(t testing.TB, pid int) int {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	must(t, err)
	_, rest, _ := strings.Cut(string(status), "VmHWM:")
	number, _, _ := strings.Cut(strings.TrimSpace(rest), " kB")
	kilobytes, err := strconv.Atoi(number)
	must(t, err)
	return kilobytes << 10
}
