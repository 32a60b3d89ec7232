package session

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

const (
	// probeTimeout is how long a probed client has to give a sign of life.
	probeTimeout = 2 * time.Second
	// ticksPerLease divides the lease into the interval of ticks, which is at most maxTick.
	ticksPerLease = 60
	maxTick       = 100 * time.Millisecond
	runIDBytes    = 9
)

// Append appends records to the log, in order, after those of earlier calls. done is called
// once: without an error when Kafka has them, else it is unknown whether it has. It does not wait.
type Append func(records []Record, done func(error))

// Options are what Sessions are made from.
type Options struct {
	Server string        // the replica's name
	Pool   string        // as in [Settings]
	Lease  time.Duration // the sessions of a replica that writes nothing for that long lapse
	Append Append
	Log    *slog.Logger
	Claims func(Kind) prometheus.Gauge // sessions that connections of this replica hold
	// Conflict counts new connections whose identity was in use, or that met a limit.
	Conflict func(outcome string)
	// Skipped counts records that the proxy did not write.
	Skipped func(records int)
}

// Sessions is a replica's part in the sessions: it takes the records of the log, and connections
// claim their sessions here. All methods may be called by any goroutine.
type Sessions struct {
	options Options
	stop    chan struct{}
	stopped chan struct{}
	asker   *asker
	replay  *replay // used by the log's reader while it has not caught up; else nil

	mu      sync.Mutex // guards what follows
	replica *replica
	skipped int // records counted as skipped so far
	closed  bool
	replays sync.WaitGroup

	reporter Reporter // nil before there is one
}

// New starts a replica's part. The reader of the log calls Restart, Read and CaughtUp.
func New(o Options) *Sessions {
	s := &Sessions{options: o, stop: make(chan struct{}), stopped: make(chan struct{}), asker: newAsker()}
	settings := Settings{Server: o.Server, Pool: o.Pool, Lease: o.Lease, ProbeTimeout: probeTimeout}
	s.replica = newReplica(settings, newRunID, s.write, o.Conflict)
	s.replica.later = s.later
	go s.run()
	return s
}

// later runs the callback of a connection or a write in a goroutine, since s.mu may be held by the caller.
func (s *Sessions) later(f func()) {
	go func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		f()
	}()
}

// newRunID returns an id that no other run has.
func newRunID() string {
	id := make([]byte, runIDBytes)
	_, _ = rand.Read(id) // never fails
	return hex.EncodeToString(id)
}

// write appends records. s.mu is held.
func (s *Sessions) write(records []Record, answered func(error)) { s.options.Append(records, answered) }

// Restart tells that the log is read from its beginning. why is empty the first time.
func (s *Sessions) Restart(why string) {
	s.replay.end()
	s.mu.Lock()
	defer s.mu.Unlock()
	if why != "" {
		s.options.Log.Warn("reading the topic of sessions again from its beginning", "why", why)
	}
	s.replica.restart()
	s.skipped = 0
	s.replay = s.beginReplay()
}

// Read takes a record of the log.
func (s *Sessions) Read(offset int64, at time.Time, key, value []byte) {
	l := readLog(offset, at, string(key), value)
	if s.replay != nil {
		s.replay.add(l)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	before := s.replica.id
	s.replica.read(time.Now(), l)
	if s.replica.id != before {
		s.options.Log.Error("Kafka received no heartbeat of this replica for the lease: its sessions have lapsed, and they are claimed again, and the sockets of those whose place others have taken end", "lease", s.options.Lease.String())
	}
}

// CaughtUp tells that the log was read to its end.
func (s *Sessions) CaughtUp() {
	s.replay.end()
	s.replay = nil
	s.mu.Lock()
	defer s.mu.Unlock()
	s.replica.readToEnd(time.Now())
}

func (s *Sessions) run() {
	defer close(s.stopped)
	ticker := time.NewTicker(min(s.options.Lease/ticksPerLease, maxTick))
	defer ticker.Stop()
	for {
		select {
		case now := <-ticker.C:
			s.tick(now)
			s.answerDue()
		case <-s.stop:
			return
		}
	}
}

func (s *Sessions) tick(now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	cut := s.replica.cut
	s.replica.tick(now)
	if n := s.replica.cut - cut; n > 0 {
		s.options.Log.Error("this replica alone cannot use the topic of sessions, for two leases: the sockets of its producers end", "sessions", n)
	}
	if n := s.replica.fold.skipped; n > s.skipped {
		s.options.Log.Warn("skipped records in the topic of sessions that the proxy did not write", "records", n-s.skipped)
		s.options.Skipped(n - s.skipped)
		s.skipped = n
	}
}

// errFenced is the readiness error of a replica whose heartbeats are not acknowledged.
var errFenced = errors.New("no heartbeat was acknowledged for the lease")

// Ready returns the reason why no session can be claimed, or nil.
func (s *Sessions) Ready() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case !s.replica.caughtUp:
		return errNotRead
	case s.replica.isFenced(time.Now()):
		return errFenced
	default:
		return nil
	}
}

var errNotRead = errors.New("the topic of sessions has not been read to its end")

// Claim claims a session, and waits within ctx until the claim is decided. Close releases it.
func (s *Sessions) Claim(ctx context.Context, q Request) (*Session, *proxy.Error) {
	result := make(chan *proxy.Error, 1)
	s.mu.Lock()
	if !s.replica.caughtUp || s.closed || s.replica.isFenced(time.Now()) {
		s.mu.Unlock()
		return nil, proxy.Errorf(proxy.KindKafkaUnavailable, "Kafka does not answer this replica, which therefore admits nobody: try again.")
	}
	held := &Session{sessions: s}
	held.attempt = s.replica.claim(time.Now(), q, func(e *proxy.Error) { result <- e })
	s.mu.Unlock()
	select {
	case e := <-result:
		if e != nil {
			return nil, e
		}
		s.options.Claims(q.Kind).Inc()
		return held, nil
	case <-ctx.Done():
	}
	held.release()
	return nil, proxy.Wrap(ctx.Err(), proxy.KindKafkaUnavailable, "Kafka was too slow to admit the connection: try again.")
}

// Session is a slot that a connection holds.
type Session struct {
	sessions *Sessions
	attempt  *attempt
}

// Serve sets the connection that holds the session. If the session was lost meanwhile, Serve
// calls holder.Lose at once. A nil Session stands for none, where none is needed.
func (h *Session) Serve(holder Holder) {
	if h == nil {
		return
	}
	s := h.sessions
	s.mu.Lock()
	defer s.mu.Unlock()
	if h.attempt.lost != nil {
		holder.Lose(h.attempt.lost)
		return
	}
	h.attempt.holder = holder
}

// Close releases the session and its slot. It does not wait for Kafka.
func (h *Session) Close() {
	if h == nil {
		return
	}
	h.release()
	h.sessions.options.Claims(h.attempt.request.Kind).Dec()
}

func (h *Session) release() {
	h.sessions.mu.Lock()
	defer h.sessions.mu.Unlock()
	h.sessions.replica.release(h.attempt)
}

// Close removes the replica's records from the log. The caller flushes the appended records afterwards.
func (s *Sessions) Close() {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	close(s.stop)
	<-s.stopped
	s.replays.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.replica.leave()
}
