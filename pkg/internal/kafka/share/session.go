package share

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/budget"
)

const (
	// idleWait is how long a broker may wait for records while there is nothing to be told to it. The wait grows up to that from busyWait on: now
	// and then Kafka (4.4, seen) does not end the wait of a fetch for a record that is written as the fetch arrives.
	idleWait = time.Second
	// busyWait is how long it may wait while workers hold records of it: acknowledgements wait until it has answered. The wait grows up to that from
	// soonWait on. It is also the wait while another broker's session has no places.
	busyWait = 50 * time.Millisecond
	soonWait = 4 * time.Millisecond
	// lockShare is the part of a lock's duration that a broker may wait for records: locks are counted from before the fetch, so
	// that workers have less time for a record the longer the broker has waited for it.
	lockShare = 10
	// limitAtMost is how long a broker may have no room for the session until the workers are told.
	limitAtMost = 5 * time.Second
	// fullPause is the pause between two looks whether the memory budget has room again.
	fullPause = 20 * time.Millisecond
	// touchAfter is how long a session makes no request while workers hold records: brokers close idle connections after 10
	// minutes by default, and locks may last for an hour.
	touchAfter = 2 * time.Minute
)

// session is the share session of a member with a broker (KIP-932). One goroutine makes its requests, one at a time: Kafka counts
// them.
type session struct {
	member *member
	broker int32
	source *source
	woken  chan struct{}
	done   chan struct{} // closed when the session has ended
	// fetching ends when nothing is to be fetched anymore: a fetch under way need not be answered.
	fetching context.Context //nolint:containedctx // of all fetches
	cutFetch context.CancelFunc

	// Used by the goroutine only.
	epoch    int32                    // of the next request; 0 before the first one
	has      map[partitionID]struct{} // the partitions that the session has at the broker
	empty    int                      // fetches in a row that have returned nothing
	lock     time.Duration            // how long locks last, as the broker last said; 0 before
	stale    bool                     // the broker may have a session of ours with another epoch
	pauses   pauses
	resumeAt time.Time // no request is made before
	askedAt  time.Time // when the last request was made
	toldFull time.Time // when the log was told of a full partition

	asked atomic.Int64 // requests

	mu        sync.Mutex // guards what follows
	finishing bool
	resetting bool
}

func newSession(m *member, broker int32) *session {
	s := &session{member: m, broker: broker, woken: make(chan struct{}, 1), done: make(chan struct{}), has: make(map[partitionID]struct{})}
	s.source = newSource(broker, s.wake)
	s.fetching, s.cutFetch = context.WithCancel(m.life)
	return s
}

func (s *session) wake() { notify(s.woken) }

// finish has the session tell Kafka what it was told to, and close.
func (s *session) finish() {
	s.mu.Lock()
	s.finishing = true
	s.mu.Unlock()
	if s.member.ledger.release(s.source) {
		s.cutFetch()
	}
	s.wake()
}

// reset has the session begin anew, and what is held through it be lost.
func (s *session) reset() {
	s.mu.Lock()
	s.resetting = true
	s.mu.Unlock()
	s.member.ledger.loseAll(s.source)
	s.wake()
}

// state returns what the others want of the session. A reset is returned once.
func (s *session) state() (finishing, resetting bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	finishing, resetting = s.finishing, s.resetting
	s.resetting = false
	return finishing, resetting
}

func (s *session) isResetting() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.resetting
}

// step is what a session does next.
type step struct {
	tell *batch
	grant
	wait time.Duration // until there may be something to do; 0 for no bound
	end  bool
	// touch tells that a request is due only for the connection not to be idle.
	touch bool
}

// run makes requests until the session is finished.
func (s *session) run() {
	defer close(s.done)
	defer s.cutFetch()
	for s.member.life.Err() == nil {
		finishing, resetting := s.state()
		if resetting || s.stale {
			s.close()
			continue
		}
		next := s.plan(finishing, time.Now())
		switch {
		case next.records > 0:
			s.fetch(next)
		case len(next.tell.all) > 0 || next.touch:
			s.acknowledge(next.tell)
		case next.end:
			s.close()
			if finishing {
				return
			}
		default:
			s.rest(next.wait)
		}
	}
}

// plan decides what is to be done.
func (s *session) plan(finishing bool, now time.Time) (next step) {
	l := s.member.ledger
	l.mu.Lock()
	defer l.mu.Unlock()
	next.tell = &batch{}
	if wait := s.resumeAt.Sub(now); wait > 0 {
		next.wait = wait
		return next
	}
	next.tell = l.collect(s.source, now)
	if finishing {
		next.end = len(next.tell.all) == 0
		return next
	}
	if next.tell.renews { // Kafka fetches nothing together with renewals (KIP-1222)
		return next
	}
	if s.member.groups.budget.IsFull(budget.Consuming) {
		next.wait = fullPause
		return next
	}
	next.grant, next.wait = l.reserve(s.source, next.tell.all, now)
	if next.records > 0 && !next.covers() {
		l.giveUp(s.source, next.grant)
		next.grant = grant{}
	}
	next.end = s.epoch > 0 && next.records == 0 && len(s.source.leads) == 0 && s.source.holds == 0
	if s.source.holds > 0 {
		idle := s.member.groups.touchAfter - now.Sub(s.askedAt)
		next.touch = idle <= 0
		if next.wait == 0 || idle < next.wait {
			next.wait = idle
		}
	}
	return next
}

// covers tells whether all that is to be told is about partitions that are fetched.
func (next *step) covers() bool {
	fetched := make(map[partitionID]bool, len(next.partitions))
	for _, p := range next.partitions {
		fetched[p.id] = true
	}
	for id := range next.tell.partitions {
		if !fetched[id] {
			return false
		}
	}
	return true
}

// rest waits until there may be something to do.
func (s *session) rest(wait time.Duration) {
	var due <-chan time.Time
	if wait > 0 {
		timer := time.NewTimer(wait)
		defer timer.Stop()
		due = timer.C
	}
	select {
	case <-s.woken:
	case <-due:
	case <-s.member.life.Done():
	}
}

// holdBack pauses the session after a failure.
func (s *session) holdBack(err error) (lasting time.Duration) {
	now := time.Now()
	pause, lasting := s.pauses.after(now)
	s.resumeAt = now.Add(pause)
	level := slog.LevelDebug
	if lasting == 0 {
		level = slog.LevelWarn
	}
	s.member.log.Log(s.member.life, level, "a queue's session has trouble", "broker", s.broker, "err", err)
	return lasting
}

// broken is called when a request has failed: the session must begin anew, and what is held through it is lost.
func (s *session) broken(err error) {
	s.stale = true
	m := s.member
	m.ledger.loseAll(s.source)
	m.ledger.mu.Lock()
	clear(s.source.leads)
	m.ledger.mu.Unlock()
	s.holdBack(err)
	m.client.ForceMetadataRefresh() // the broker may have another address
	m.failures.Add(1)
	notify(m.steer)
}

// release has what workers hold of a source be given back, except what they have given an acknowledgement on. It returns whether nothing is
// held of it.
func (l *ledger) release(s *source) (free bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, p := range l.partitions {
		if p.source != s {
			continue
		}
		for _, h := range p.held {
			if w := h.worker; w != nil && !h.ask.ack.settles() && !h.next.ack.settles() {
				w.forget(h)
				l.giveBack(h)
			}
		}
	}
	return s.holds == 0
}
