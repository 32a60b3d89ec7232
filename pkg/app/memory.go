package app

import (
	"math"
	"os"
	"path"
	"runtime/debug"
	"strconv"
	"strings"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/budget"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/metrics"
)

const (
	// automatic as the setting of the budget selects a share of the memory limit.
	automatic = -1
	// budgetPercent is that share. The rest is for the fixed cost of connections, and for memory that
	// the garbage collector has not freed yet.
	budgetPercent = 60
	// goPercent is the share of a container's memory limit that becomes the limit of the Go runtime.
	goPercent = 90
	// mostBallast is how much garbage there is at least when the garbage collector runs.
	mostBallast = 48 << 20
	// ballastShare is the divisor of the memory limit for the ballast.
	ballastShare = 16
)

// LimitMemory sets the memory limit of the Go runtime to nine tenths of the container's, if there is one
// and GOMEMLIMIT is not set: without a limit, the runtime lets garbage grow to the size of the memory in
// use. It is for a process that runs only the proxy.
func LimitMemory() {
	if limit := containerLimit("/"); ownLimit() == 0 && limit > 0 {
		debug.SetMemoryLimit(limit / 100 * goPercent)
	}
}

// Ballast returns memory that is never touched, and so takes none of the machine's: the garbage collector runs
// when the heap has doubled, which with the few megabytes that the proxy needs would be a hundred times a second
// under load. The caller keeps it for as long as the process runs. It is empty where GOGC is set, and no more
// than a sixteenth of the memory limit, which it counts for.
func Ballast() []byte {
	if os.Getenv("GOGC") != "" {
		return nil
	}
	size := int64(mostBallast)
	if limit := debug.SetMemoryLimit(-1); limit/ballastShare < size {
		size = limit / ballastShare
	}
	return make([]byte, size)
}

// openBudget makes the budget of the memory that connections hold, and shows it in the metrics.
func (a *App) openBudget(m *metrics.Metrics) *budget.Budget {
	size := a.config.Sockets.MemoryBudget
	if size == automatic {
		size = memoryLimit(ownLimit(), containerLimit("/")) / 100 * budgetPercent
	}
	b := budget.New(size)
	m.MemoryBudget(size)
	for _, k := range budget.Kinds() {
		m.MemoryHeld(k.String(), func() int64 { return b.Held(k) })
	}
	return b
}

// memoryLimit returns the memory limit of this process, 0 if none is known: the smaller one of GOMEMLIMIT
// and the container's limit.
func memoryLimit(own, container int64) int64 {
	if own > 0 && (own < container || container == 0) {
		return own
	}
	return container
}

// ownLimit returns the limit of GOMEMLIMIT, 0 if it is not set or off.
func ownLimit() int64 {
	limit := debug.SetMemoryLimit(-1)
	if os.Getenv("GOMEMLIMIT") == "" || limit == math.MaxInt64 {
		return 0
	}
	return limit
}

// containerLimit returns the memory limit of the control group, 0 if there is none. In a container it is
// at the root of the file system of control groups; else in the group that /proc names for the process.
func containerLimit(root string) int64 {
	least := int64(0)
	for _, file := range limitFiles(root) {
		if limit := readLimit(file); limit > 0 && (least == 0 || limit < least) {
			least = limit
		}
	}
	return least
}

// limitFiles lists the files in which the kernel may give the limit (cgroup-v2.rst, and
// cgroup-v1/memory.rst): of the process's own group and of all groups above it.
func limitFiles(root string) []string {
	base := path.Join(root, "sys/fs/cgroup")
	files := []string{path.Join(base, "memory.max"), path.Join(base, "memory/memory.limit_in_bytes")}
	groups, _ := os.ReadFile(path.Join(root, "proc/self/cgroup")) // the file does not exist on other systems
	for line := range strings.Lines(string(groups)) {
		_, rest, _ := strings.Cut(strings.TrimSpace(line), ":")
		controllers, group, _ := strings.Cut(rest, ":")
		for ; len(group) > 1; group = path.Dir(group) {
			switch controllers {
			case "":
				files = append(files, path.Join(base, group, "memory.max"))
			case "memory":
				files = append(files, path.Join(base, "memory", group, "memory.limit_in_bytes"))
			}
		}
	}
	return files
}

// noLimit is more than any machine has: cgroup version 1 gives the largest number of pages for no limit.
const noLimit = 1 << 60

func readLimit(file string) int64 {
	text, err := os.ReadFile(file)
	if err != nil {
		return 0
	}
	limit, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
	if err != nil || limit >= noLimit { // "max" is no limit
		return 0
	}
	return limit
}
