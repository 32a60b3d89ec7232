//go:build unix

package real

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// usage is what a process has used.
type usage struct {
	memory int64 // the most bytes that were resident
	cpu    time.Duration
}

// clockTick is the unit of times in /proc, which is the same on all machines that Go knows.
const clockTick = time.Second / 100

// usageOf reads what a process has used until now. It is nothing where the system has no /proc.
func usageOf(pid int) (u usage) {
	status, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	for line := range strings.Lines(string(status)) {
		if size, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			kilobytes, _ := strconv.ParseInt(strings.Fields(size)[0], 10, 64)
			u.memory = kilobytes << 10
		}
	}
	stat, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	_, after, _ := strings.Cut(string(stat), ") ") // behind the program's name
	if fields := strings.Fields(after); len(fields) > 12 {
		for _, field := range fields[11:13] {
			ticks, _ := strconv.ParseInt(field, 10, 64)
			u.cpu += time.Duration(ticks) * clockTick
		}
	}
	return u
}
