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
	// probeTimeout is what a client has for a sign of life.
	probeTimeout = 2 * time.Second
	// ticksPerLease is how finely time is looked at, up to maxTick.
	ticksPerLease = 60
	maxTick       = 100 * time.Millisecond
	runIDBytes    = 9
)

// Append appends records to the log, in order, after those of earlier calls. done is called
// once: without an error when they are there, else their fate is unknown. It does not wait.
type Append func(records []Record, done func(error))

// Options are what Sessions are made from.
type Options struct {
	Server string        // the replica's name
	Lease  time.Duration // the sessions of a replica that is silent for it lapse
	Append Append
	Log    *slog.Logger
	Claims func(Kind) prometheus.Gauge // sessions that connections of this replica hold
	// Conflict counts newcomers that met somebody with their identity, or a limit.
	Conflict func(outcome string)
	// Skipped counts records that are not the proxy's.
	Skipped func(records int)
}

// Sessions is a replica's part in who is connected: the log's reader, and where connections
// ask for a session. All methods may be called by any goroutine.
type Sessions struct {
	options Options
	stop    chan struct{}
	stopped chan struct{}
	replay  *replay // the log's reader's, while it has not caught up; else nil

	mu      sync.Mutex // guards what follows
	replica *replica
	skipped int // as far as logged
	closed  bool
	replays sync.WaitGroup
}

// New starts a replica's part. What is in the log is told to it by Restart, Read and CaughtUp.
func New(o Options) *Sessions {
	s := &Sessions{options: o, stop: make(chan struct{}), stopped: make(chan struct{})}
	settings := Settings{Server: o.Server, Lease: o.Lease, ProbeTimeout: probeTimeout}
	s.replica = newReplica(settings, newRunID, s.write, o.Conflict)
	s.replica.later = s.later
	go s.run()
	return s
}

// later runs what a connection calls back with. That may be while s.mu is held.
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
func (s *Sessions) write(records ...Record) {
	done := func(error) {}
	if len(records) == 1 && s.replica != nil && s.replica.isBeat(records[0]) {
		sent := s.replica.beatSent
		done = func(err error) { go s.beaten(sent, err) } // s.mu may be held
	}
	s.options.Append(records, done)
}

func (s *Sessions) beaten(sent time.Time, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.replica.beaten(sent, err)
}

// Restart tells that the log is read from its beginning. why is empty the first time.
func (s *Sessions) Restart(why string) {
	s.replay.end()
	s.mu.Lock()
	defer s.mu.Unlock()
	if why != "" {
		s.options.Log.Warn("the sessions are read anew", "why", why)
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
		s.options.Log.Error("Kafka had not heard of this replica for the lease: its sessions are over, and their sockets closed", "lease", s.options.Lease.String())
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
		case <-s.stop:
			return
		}
	}
}

func (s *Sessions) tick(now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.replica.tick(now)
	if n := s.replica.fold.skipped; n > s.skipped {
		s.options.Log.Warn("the topic of the sessions holds records that are not the proxy's: they are skipped", "records", n-s.skipped)
		s.options.Skipped(n - s.skipped)
		s.skipped = n
	}
}

// errFenced is what /readyz says of a replica that Kafka does not hear.
var errFenced = errors.New("no heartbeat was acknowledged for the lease")

// Ready tells why no session can be had, or nil.
func (s *Sessions) Ready() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case !s.replica.caughtUp:
		return errNotRead
	case s.replica.fenced(time.Now()):
		return errFenced
	default:
		return nil
	}
}

var errNotRead = errors.New("the sessions are not read to their end")

// Claim asks for a session, and waits for the log's decision within ctx. Close releases it.
func (s *Sessions) Claim(ctx context.Context, q Request) (*Session, *proxy.Error) {
	result := make(chan *proxy.Error, 1)
	s.mu.Lock()
	if !s.replica.caughtUp || s.replica.fenced(time.Now()) {
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

// Serve names the connection that the session is for. Where the session was lost meanwhile,
// the connection loses it at once. A nil Session is one that is not needed.
func (h *Session) Serve(holder Holder) {
	if h == nil {
		return
	}
	s := h.sessions
	s.mu.Lock()
	defer s.mu.Unlock()
	if h.attempt.over != nil {
		holder.Lose(h.attempt.over)
		return
	}
	h.attempt.holder = holder
}

// Close gives the slot back. It does not wait for Kafka.
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

// Close gives back what the replica has in the log. What is appended is to be flushed after.
func (s *Sessions) Close() {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	close(s.stop)
	<-s.stopped
	s.replays.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.replica.caughtUp {
		s.replica.leave()
	}
}
