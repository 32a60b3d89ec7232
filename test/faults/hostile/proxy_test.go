//go:build linux

package hostile

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/test/process"
)

// proxy is the running program.
type proxy struct {
	*process.Process
	main, secure, management string // addresses
}

// serve starts the program and returns when it is ready. It ends with the test.
func serve(t *testing.T, broker, cert, key string, settings ...string) *proxy {
	t.Helper()
	p := &proxy{Process: process.Serve(t, append(append(process.ServeSettings(broker), settings...),
		"WSPROXY_PPROF_ENABLED=true", "WSPROXY_SSL_ENABLED=true", "WSPROXY_ADMIN_SSL_ENABLED=false",
		"WSPROXY_SSL_BIND_INTERFACE=127.0.0.1", "WSPROXY_SSL_PORT=0", "WSPROXY_SSL_CERT_FILE="+cert, "WSPROXY_SSL_KEY_FILE="+key,
		"WSPROXY_WRITE_TIMEOUT=30s", "WSPROXY_KAFKA_CLIENT_IDLE_TIMEOUT=2s",
	))}
	p.main, p.management, _ = p.Addresses()
	p.secure = p.TLSAddress()
	return p
}

// get asks the management listener.
func (p *proxy) get(path string) (string, error) { return process.Get(p.management, path, patience) }

// holdings is what the proxy has at a moment.
type holdings struct {
	heap, goroutines, descriptors int // heap: bytes in use after a garbage collection
}

// String implements fmt.Stringer.
func (h holdings) String() string {
	return fmt.Sprintf("%.1f MiB of heap, %d goroutines, %d descriptors", float64(h.heap)/(1<<20), h.goroutines, h.descriptors)
}

// like returns nil where h is about what start was.
func (h holdings) like(start holdings) error {
	// The heap keeps the size of maps and tables that have grown.
	if h.heap > start.heap+16<<20 || h.goroutines > start.goroutines+50 || h.descriptors > start.descriptors+20 {
		return fmt.Errorf("there are %v, before there were %v", h, start)
	}
	return nil
}

// holds measures, after two collections: what lies in a sync.Pool survives one.
func (p *proxy) holds(t *testing.T) holdings {
	t.Helper()
	for range 2 {
		_, err := p.get("/debug/pprof/heap?gc=1")
		must(t, err)
	}
	text, err := p.get("/metrics")
	must(t, err)
	descriptors, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", p.PID()))
	must(t, err)
	return holdings{
		heap: metric(t, text, "go_memstats_heap_inuse_bytes"), goroutines: metric(t, text, "go_goroutines"),
		descriptors: len(descriptors),
	}
}

func metric(t *testing.T, text, name string) int {
	t.Helper()
	for line := range strings.Lines(text) {
		if number, found := strings.CutPrefix(line, name+" "); found {
			value, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
			must(t, err)
			return int(value)
		}
	}
	t.Fatalf("there is no %s", name)
	return 0
}

// spent is the processor time that the proxy has taken.
func (p *proxy) spent(t *testing.T) time.Duration {
	t.Helper()
	text, err := p.get("/metrics")
	must(t, err)
	return time.Duration(metric(t, text, "process_cpu_seconds_total")) * time.Second
}

// memory is what the kernel says of the process's resident memory, in bytes.
type memory struct{ now, peak int }

func (p *proxy) memory(t *testing.T) memory {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.PID()))
	must(t, err)
	kilobytes := func(name string) int {
		_, rest, _ := strings.Cut(string(status), name)
		number, _, _ := strings.Cut(strings.TrimSpace(rest), " kB")
		n, err := strconv.Atoi(number)
		must(t, err)
		return n << 10
	}
	return memory{now: kilobytes("VmRSS:"), peak: kilobytes("VmHWM:")}
}

// await waits until there is no problem anymore.
func await(t *testing.T, what string, problem func() error) {
	t.Helper()
	process.Await(t, patience, what, problem)
}
