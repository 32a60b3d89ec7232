package app

import (
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	rt "runtime/metrics"
	"testing"
)

func TestContainerLimit(t *testing.T) {
	for name, test := range map[string]struct {
		files map[string]string
		want  int64
	}{
		"nothing is known":        {nil, 0},
		"version 2":               {map[string]string{"sys/fs/cgroup/memory.max": "536870912\n"}, 512 << 20},
		"version 2, no limit":     {map[string]string{"sys/fs/cgroup/memory.max": "max\n"}, 0},
		"version 1":               {map[string]string{"sys/fs/cgroup/memory/memory.limit_in_bytes": "1073741824\n"}, 1 << 30},
		"version 1, no limit":     {map[string]string{"sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n"}, 0},
		"something else is there": {map[string]string{"sys/fs/cgroup/memory.max": "a lot\n"}, 0},
		"version 2, of a service": {map[string]string{
			"proc/self/cgroup": "0::/system.slice/wsproxy.service\n",
			"sys/fs/cgroup/system.slice/wsproxy.service/memory.max": "268435456\n",
		}, 256 << 20},
		"version 2, the group above has less": {map[string]string{
			"proc/self/cgroup": "0::/pods/one\n", "sys/fs/cgroup/pods/one/memory.max": "max\n",
			"sys/fs/cgroup/pods/memory.max": "268435456\n", "sys/fs/cgroup/memory.max": "536870912\n",
		}, 256 << 20},
		"version 1, of a service": {map[string]string{
			"proc/self/cgroup":                                   "5:cpu,cpuacct:/other\n4:memory:/service\n0::/\n",
			"sys/fs/cgroup/memory/memory.limit_in_bytes":         "9223372036854771712\n",
			"sys/fs/cgroup/memory/service/memory.limit_in_bytes": "268435456\n",
			"sys/fs/cgroup/memory/other/memory.limit_in_bytes":   "1\n",
		}, 256 << 20},
	} {
		t.Run(name, func(t *testing.T) {
			root := t.TempDir()
			for file, text := range test.files {
				file = filepath.Join(root, file)
				if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if got := containerLimit(root); got != test.want {
				t.Errorf("got %d, want %d", got, test.want)
			}
		})
	}
}

func TestMemoryLimit(t *testing.T) {
	for name, test := range map[string]struct{ own, container, want int64 }{
		"neither":                {0, 0, 0},
		"GOMEMLIMIT":             {460, 0, 460},
		"a container":            {0, 512, 512},
		"both":                   {460, 512, 460},
		"GOMEMLIMIT is too much": {1000, 512, 512},
	} {
		t.Run(name, func(t *testing.T) {
			if got := memoryLimit(test.own, test.container); got != test.want {
				t.Errorf("got %d, want %d", got, test.want)
			}
		})
	}
}

// TestBallast checks that the collector waits for that much garbage, and that the ballast leaves a low memory
// limit to others.
func TestBallast(t *testing.T) {
	t.Setenv("GOGC", "")
	ballast := Ballast()
	runtime.GC()
	goal := []rt.Sample{{Name: "/gc/heap/goal:bytes"}}
	rt.Read(goal)
	if got := goal[0].Value.Uint64(); got < 2*mostBallast {
		t.Errorf("the next collection is at %d bytes", got)
	}
	runtime.KeepAlive(ballast)
	before := debug.SetMemoryLimit(64 << 20)
	defer debug.SetMemoryLimit(before)
	if got := len(Ballast()); got != 4<<20 {
		t.Errorf("of 64 MiB the ballast takes %d", got)
	}
	t.Setenv("GOGC", "200")
	if got := len(Ballast()); got != 0 {
		t.Errorf("with GOGC the ballast takes %d", got)
	}
}
