package socket

import (
	"sync"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/fair"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// Registry holds the open connections of this process: http.Server does not track hijacked
// connections. It is the connection limiter: it admits new ones up to its limits, none while draining.
type Registry struct {
	limits     Limits
	handshakes *fair.Shares // in progress, by address
	claims     *fair.Shares // handshakes that wait for a session, by address
	refusals   *fair.Shares // refusals by a close frame in progress, by address

	mu        sync.Mutex // guards what follows
	admitted  int
	byAddress map[string]int // admitted connections, where there is a limit for each address
	draining  bool
	conns     map[*Conn]struct{}
	empty     chan struct{} // closed when no connection is admitted anymore; nil unless draining waits for it
}

// NewRegistry returns a registry without connections.
func NewRegistry(limits Limits) *Registry {
	return &Registry{
		limits: limits, handshakes: fair.NewShares(limits.Handshakes, 0), claims: fair.NewShares(limits.Handshakes, 0),
		refusals: fair.NewShares(limits.Handshakes, 0),
		conns:    make(map[*Conn]struct{}), byAddress: make(map[string]int),
	}
}

// refusal returns why a connection from an address is not admitted, or nil. r.mu is held.
func (r *Registry) refusal(address string) *proxy.Error {
	if r.draining {
		return proxy.Errorf(proxy.KindShuttingDown, "This replica is shutting down: connect again.")
	}
	if reached(r.limits.Connections, r.admitted) {
		return proxy.Errorf(proxy.KindOverloaded, "This replica has its most connections of %d: try again later.", r.limits.Connections)
	}
	if reached(r.limits.PerAddress, r.byAddress[address]) {
		return proxy.Errorf(proxy.KindLimitReached, "Your address has its most connections of %d: close one, and try again.", r.limits.PerAddress)
	}
	return nil
}

// Admit counts a new connection of a client against the limits. remote is its address as in
// http.Request.RemoteAddr. Leave must be called when the connection has ended.
func (r *Registry) Admit(remote string) *proxy.Error {
	address := r.keyOf(remote)
	r.mu.Lock()
	defer r.mu.Unlock()
	if e := r.refusal(address); e != nil {
		return e
	}
	r.admitted++
	if r.limits.PerAddress > 0 {
		r.byAddress[address]++
	}
	return nil
}

// Add registers an admitted connection for draining. If draining has begun meanwhile, the
// connection is asked to end at once.
func (r *Registry) Add(c *Conn) {
	r.mu.Lock()
	r.conns[c] = struct{}{}
	draining := r.draining
	r.mu.Unlock()
	if draining {
		c.End(drained(0))
	}
}

// Leave undoes Admit for a connection of the same client. c may be nil where the connection was
// admitted but never made.
func (r *Registry) Leave(remote string, c *Conn) {
	address := r.keyOf(remote)
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.conns, c)
	r.admitted--
	if r.byAddress[address]--; r.byAddress[address] <= 0 {
		delete(r.byAddress, address)
	}
	if r.admitted == 0 && r.empty != nil {
		close(r.empty)
		r.empty = nil
	}
}

// Drain refuses new connections and ends the open ones, spread over up to a fifth of grace. Messages in
// flight are finished within three fifths of grace, then each connection gets its close frame;
// connections that are left after four fifths are cut. The rest of grace is for leaving groups. Drain
// returns the number of connections that had not even left their groups by then.
func (r *Registry) Drain(grace time.Duration) (left int) {
	began := time.Now()
	conns, empty := r.beginDrain()
	endSpread(conns, grace, empty)
	if !within(grace*4/5-time.Since(began), empty) {
		for _, c := range conns {
			c.Cut()
		}
		within(grace/5, empty)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.admitted
}

// drainRate is how many connections a second are ended, where a fifth of the grace is enough for
// all: their clients reconnect at once, and the other replicas limit the handshakes that are in
// progress.
const drainRate = 1000

// endSpread ends connections one after another, in no particular order.
func endSpread(conns []*Conn, grace time.Duration, empty <-chan struct{}) {
	spread := min(grace/5, time.Duration(len(conns))*time.Second/drainRate)
	began := time.Now()
	for i, c := range conns {
		due := spread * time.Duration(i) / time.Duration(len(conns))
		if ahead := due - time.Since(began); ahead > 0 {
			within(ahead, empty)
		}
		c.End(drained(grace*3/5 - due))
	}
}

// within waits for done, and tells whether it was closed within the limit.
func within(limit time.Duration, done <-chan struct{}) bool {
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-done:
		return true
	case <-timer.C:
		return false
	}
}

func drained(grace time.Duration) Ending {
	return Ending{Code: proxy.CloseServiceRestart, Reason: "This replica is shutting down: connect again.", Grace: grace}
}

func (r *Registry) beginDrain() (conns []*Conn, empty <-chan struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.draining = true
	for c := range r.conns {
		conns = append(conns, c)
	}
	r.empty = make(chan struct{})
	empty = r.empty
	if r.admitted == 0 {
		close(r.empty)
		r.empty = nil
	}
	return conns, empty
}
