package outside

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
)

// memory is a process's resident memory as the kernel reports it, in bytes.
type memory struct {
	now, peak int
}

// memory reads /proc.
func (r *running) memory(t testing.TB) memory {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", r.PID()))
	if err != nil {
		lacking(t, "/proc: "+err.Error())
	}
	return memory{now: kilobytes(t, status, "VmRSS:"), peak: kilobytes(t, status, "VmHWM:")}
}

func kilobytes(t testing.TB, status []byte, name string) int {
	t.Helper()
	_, rest, _ := strings.Cut(string(status), name)
	number, _, found := strings.Cut(strings.TrimSpace(rest), " kB")
	n, err := strconv.Atoi(number)
	if err != nil || !found {
		t.Fatalf("no %s in\n%s", name, status)
	}
	return n << 10
}

func mebibytes(n int) string { return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20)) }
