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
	// automatic as the setting asks for a share of the memory limit.
	automatic = -1
	// budgetPercent is that share. The rest is for what connections cost that hold nothing, and for
	// what the garbage collector has not freed yet.
	budgetPercent = 60
	// goPercent is what of a container's memory becomes Go's own limit.
	goPercent = 90
)

// LimitMemory gives the Go runtime nine tenths of the container's memory limit as its own, where there
// is one and GOMEMLIMIT is not set: without it, it lets garbage grow to the size of what is in use.
// It is for a process that is nothing but the proxy.
func LimitMemory() {
	if limit := containerLimit("/"); ownLimit() == 0 && limit > 0 {
		debug.SetMemoryLimit(limit / 100 * goPercent)
	}
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

// memoryLimit is what this process may use, 0 where nothing is known: what GOMEMLIMIT says, or else the
// container's limit.
func memoryLimit(own, container int64) int64 {
	if own > 0 && (own < container || container == 0) {
		return own
	}
	return container
}

// ownLimit is what GOMEMLIMIT says, 0 where it is not set or off.
func ownLimit() int64 {
	limit := debug.SetMemoryLimit(-1)
	if os.Getenv("GOMEMLIMIT") == "" || limit == math.MaxInt64 {
		return 0
	}
	return limit
}

// containerLimit is the limit of the control group, 0 where there is none. In a container it is found
// where the file system of control groups begins; else where /proc says that the process is.
func containerLimit(root string) int64 {
	least := int64(0)
	for _, file := range limitFiles(root) {
		if limit := readLimit(file); limit > 0 && (least == 0 || limit < least) {
			least = limit
		}
	}
	return least
}

// limitFiles lists where the kernel may tell the limit (cgroup-v2.rst, and cgroup-v1/memory.rst): for
// the process's own group and for all above it.
func limitFiles(root string) []string {
	base := path.Join(root, "sys/fs/cgroup")
	files := []string{path.Join(base, "memory.max"), path.Join(base, "memory/memory.limit_in_bytes")}
	groups, _ := os.ReadFile(path.Join(root, "proc/self/cgroup")) // there is none on other systems
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

// noLimit is more than any machine has: version 1 writes the largest number of pages for no limit.
const noLimit = 1 << 60

func readLimit(file string) int64 {
	text, err := os.ReadFile(file)
	if err != nil {
		return 0
	}
	limit, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
	if err != nil || limit >= noLimit { // "max" is none
		return 0
	}
	return limit
}
