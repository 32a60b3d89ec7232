//go:build unix

package real

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/test/faults/workload"
	"github.com/wsproxy/kafka-websocket-proxy/test/process"
)

const (
	// startLimit is what a proxy or the broker has for becoming ready, exitLimit what a
	// proxy has for shutting down.
	startLimit = 2 * time.Minute
	exitLimit  = time.Minute
)

// hasty are settings with which proxies notice soon what they notice anyway.
func hasty() []string {
	return []string{
		"WSPROXY_SHUTDOWN_GRACE=10s", "WSPROXY_CONSUMER_SESSION_TIMEOUT=6s", "WSPROXY_KAFKA_CLIENT_REQUEST_TIMEOUT=5s",
		"WSPROXY_KAFKA_PRODUCER_DELIVERY_TIMEOUT=5s", "WSPROXY_PRODUCER_MAX_IN_FLIGHT=256",
		"WSPROXY_PING_INTERVAL=2s", "WSPROXY_PONG_TIMEOUT=2s", "WSPROXY_WRITE_TIMEOUT=5s",
		"WSPROXY_TAIL_BUFFER_BYTES=128KiB",
	}
}

// fleet is the proxies that run.
type fleet struct {
	t        testing.TB
	program  string
	settings []string

	mu        sync.Mutex // guards what follows
	brokers   []string   // what each connects to
	running   []*process.Process
	addresses []string          // empty where none runs
	secured   map[string]string // the address for TLS that goes with one of them
}

// newFleet starts proxies, with further settings each.
func newFleet(t testing.TB, broker string, size int, further ...string) *fleet {
	t.Helper()
	return newFleetOf(t, slices.Repeat([]string{broker}, size), further...)
}

// newFleetOf starts a proxy for each of the given addresses of Kafka.
func newFleetOf(t testing.TB, brokers []string, further ...string) *fleet {
	t.Helper()
	program, err := built.Path()
	must(t, err)
	f := &fleet{t: t, program: program, settings: further, secured: make(map[string]string)}
	t.Cleanup(f.kill)
	for _, broker := range brokers {
		must(t, f.start(f.place(broker)))
	}
	return f
}

// place makes a place for a replica that connects to an address of Kafka, and returns its number.
func (f *fleet) place(broker string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.brokers, f.running, f.addresses = append(f.brokers, broker), append(f.running, nil), append(f.addresses, "")
	return len(f.brokers) - 1
}

// size is for how many replicas there are places.
func (f *fleet) size() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.brokers)
}

// start runs a replica and returns when it is ready.
func (f *fleet) start(i int) error {
	f.mu.Lock()
	broker := f.brokers[i]
	f.mu.Unlock()
	p, err := process.Start(f.program, append(slices.Concat(process.ServeSettings(broker), f.settings), fmt.Sprintf("WSPROXY_SERVER_ID=replica-%d", i)), "serve")
	if err != nil {
		return err
	}
	f.mu.Lock()
	f.running[i] = p
	f.mu.Unlock()
	main, management, listens := "", "", false
	ready := workload.Within(startLimit, func() bool {
		if !listens {
			main, management, listens = p.Addresses()
		}
		return p.Ended() || listens && process.Status(management, "/readyz") == http.StatusOK
	})
	if !ready || p.Ended() {
		return fmt.Errorf("a replica was not ready %v after its start:\n%s", startLimit, p.Stderr.Tail())
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.addresses[i] = main
	if secure := p.TLSAddress(); secure != "" {
		f.secured[main] = secure
	}
	return nil
}

func (f *fleet) process(i int) *process.Process {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.running[i]
}

// crash kills a replica.
func (f *fleet) crash(i int) error {
	p := f.process(i)
	if p.Ended() {
		return died(p)
	}
	p.Kill()
	f.left(i)
	return nil
}

// shutdown ends a replica in order.
func (f *fleet) shutdown(i int) error {
	p := f.process(i)
	if p.Ended() {
		return died(p)
	}
	if err := p.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	if !workload.Within(exitLimit, p.Ended) {
		return fmt.Errorf("a replica still runs %v after SIGTERM:\n%s", exitLimit, p.Stderr.Tail())
	}
	f.left(i)
	if code := p.State().ExitCode(); code != 0 {
		return fmt.Errorf("a replica ended with code %d after SIGTERM:\n%s", code, p.Stderr.Tail())
	}
	return nil
}

// freeze stops a replica for a while.
func (f *fleet) freeze(i int, d time.Duration) error {
	p := f.process(i)
	if p.Ended() {
		return died(p)
	}
	if err := p.Signal(syscall.SIGSTOP); err != nil {
		return err
	}
	workload.Pause(f.t.Context(), d)
	return p.Signal(syscall.SIGCONT)
}

func died(p *process.Process) error {
	return fmt.Errorf("a replica ended by itself, %v:\n%s", p.State(), p.Stderr.Tail())
}

// left notes that a replica is not there.
func (f *fleet) left(i int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.secured, f.addresses[i])
	f.addresses[i] = ""
}

// kill ends what runs, at the test's end.
func (f *fleet) kill() {
	for i := range f.size() {
		p := f.process(i)
		if p == nil {
			continue
		}
		p.Kill()
		if f.t.Failed() {
			f.t.Logf("replica %d, %v, has warned:\n%s\nand printed at last:\n%s", i, p.State(), warnings(p.Stderr.String()), p.Stderr.Tail())
		}
	}
}

// warnings are the last lines of a log that are more than information: those of refused clients are many more.
func warnings(log string) string {
	const most = 60
	var lines []string
	for line := range strings.Lines(log) {
		if !strings.Contains(line, `"level":"INFO"`) {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines[max(0, len(lines)-most):], "")
}

var errNoReplica = errors.New("no replica runs")

// any returns the address of a replica, that first one or the next one that runs.
func (f *fleet) any(first int) (string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i := range f.addresses {
		if address := f.addresses[(first+i)%len(f.addresses)]; address != "" {
			return address, nil
		}
	}
	return "", errNoReplica
}

// securedOf is the address for TLS of the replica with an address, empty if there is none.
func (f *fleet) securedOf(address string) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.secured[address]
}

// dial connects a client to any replica.
func (r *rig) dial(random *rand.Rand) (workload.Wire, error) {
	address, err := r.fleet.any(random.IntN(r.fleet.size()))
	if err != nil {
		return nil, err
	}
	if r.access == nil {
		return r.wires.dial(address, nil)
	}
	return r.access.dial(&r.wires, address, r.fleet.securedOf(address), random.IntN(3))
}
