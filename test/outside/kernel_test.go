package outside

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// clockTick is the unit of CPU times in /proc, which Linux fixes for programs.
const clockTick = 10 * time.Millisecond

// cpuOf returns the CPU time that a process has taken since its start.
func cpuOf(t testing.TB, pid int) time.Duration {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		lacking(t, "/proc: "+err.Error())
	}
	_, rest, _ := strings.Cut(string(text), ") ") // a program's name may hold spaces
	fields := strings.Fields(rest)
	const user, system = 11, 12
	total := time.Duration(0)
	for _, field := range []int{user, system} {
		n, err := strconv.Atoi(fields[field])
		must(t, err)
		total += time.Duration(n) * clockTick
	}
	return total
}

// establishedTo returns how many TCP connections a process has to ports of this machine.
func establishedTo(t testing.TB, pid int, ports []int) int {
	t.Helper()
	own := socketsOf(t, pid)
	table, err := os.ReadFile(fmt.Sprintf("/proc/%d/net/tcp", pid))
	must(t, err)
	count := 0
	for line := range strings.Lines(string(table)) {
		const peer, state, inode = 2, 3, 9
		fields := strings.Fields(line)
		if len(fields) <= inode || fields[state] != "01" || !own[fields[inode]] {
			continue
		}
		_, port, _ := strings.Cut(fields[peer], ":")
		number, err := hex.DecodeString(port)
		must(t, err)
		if slices.Contains(ports, int(binary.BigEndian.Uint16(number))) {
			count++
		}
	}
	return count
}

// socketsOf returns the inodes of a process's sockets.
func socketsOf(t testing.TB, pid int) map[string]bool {
	t.Helper()
	dir := fmt.Sprintf("/proc/%d/fd", pid)
	entries, err := os.ReadDir(dir)
	if err != nil {
		lacking(t, "/proc: "+err.Error())
	}
	inodes := make(map[string]bool)
	for _, entry := range entries {
		target, err := os.Readlink(dir + "/" + entry.Name())
		if err != nil {
			continue // closed meanwhile
		}
		if inode, found := strings.CutPrefix(target, "socket:["); found {
			inodes[strings.TrimSuffix(inode, "]")] = true
		}
	}
	return inodes
}
