package feed

import (
	"context"
	"slices"
	"sync"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// mostSnapshots is how many times newest records may wait for a client that takes none.
const mostSnapshots = 16

// errManySnapshots is the error for clients that ask for newest records once more.
var errManySnapshots = proxy.Errorf(proxy.KindLimitReached, "snapshot: the newest records of %d commands before have yet to come.", mostSnapshots)

// errSlowSnapshot is the error for clients that take their newest records so slowly that others need the memory.
var errSlowSnapshot = proxy.Errorf(proxy.KindOverloaded, "snapshot: the newest records were taken too slowly: try again.")

// snapshot is the newest records that a tail is given before all others. The lock of its tail guards what has no other.
type snapshot struct {
	encoder Encoder
	begins  bool // whether the tail begins with it, and has no place before
	by      []*Selection
	begun   bool
	given   int
	frame   []byte

	of     *versions
	number uint64          // at which the table was when it was taken
	behind uint64          // the versions up to this number were looked at
	isRest bool            // whether that is all
	ready  []*proxy.Record // those of them that have yet to be given

	waits bool // whether it is among those of the table, whose lock guards this

	mu        sync.Mutex // guards what follows; taken before the lock of the tail
	tail      *Tail
	isGivenUp bool
}

// cut has the tail begin with the newest records, and go on with what comes after these.
func (t *Tail) cut(ctx context.Context) error {
	if err := t.log.awaitTable(ctx); err != nil {
		return err
	}
	if err := t.log.awaitEnds(ctx); err != nil {
		return err
	}
	encoder := t.newEncoder()
	t.log.mu.Lock()
	defer t.log.mu.Unlock()
	if t.log.table.err != nil {
		return t.log.table.err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	taken := t.takeSnapshot(encoder, t.selection)
	taken.begins = true
	t.newest = []*snapshot{taken}
	t.spot, t.live, t.queue = t.log.endOf(t.audience), true, t.openQueue()
	return nil
}

// awaitEnds waits until all is fetched that the log has now: a client expects what was acknowledged before.
func (l *Log) awaitEnds(ctx context.Context) error {
	ends, err := l.source.Ends(ctx)
	if err != nil {
		return err //nolint:wrapcheck // an error for the client
	}
	if ends.HaveTimes() {
		return errLeaderless
	}
	for {
		l.mu.Lock()
		fetched, more := l.fetched.Passes(ends), l.more
		l.mu.Unlock()
		if fetched {
			return nil
		}
		select {
		case <-more:
		case <-ctx.Done():
			return ctx.Err() //nolint:wrapcheck // an error for the client
		}
	}
}

// takeSnapshot returns the newest records that a selection wants, of those that its ring would have. The locks are held.
func (t *Tail) takeSnapshot(e Encoder, s *Selection) *snapshot {
	taken := &snapshot{encoder: e, by: []*Selection{t.audience.before, s}, of: &t.log.table.versions, tail: t}
	taken.of.view(taken)
	return taken
}

// fill gives the rest of the snapshot. It returns true when that is all, and later where much is left that is not wanted.
func (s *snapshot) fill(most int, record, control func(frame []byte) (more bool)) (given int, done, later bool) {
	if !s.begun {
		s.begun = true
		control(s.encoder.AppendSnapshot(nil, false, 0))
	}
	looked := 0
	for more := true; more && given < most && s.look(&looked); given++ {
		s.frame = s.encoder.AppendRecord(s.frame[:0], s.ready[0])
		s.ready[0] = nil
		s.ready = s.ready[1:]
		s.given++
		more = record(s.frame)
	}
	if s.look(&looked) || !s.isRest {
		return given, false, len(s.ready) == 0
	}
	control(s.encoder.AppendSnapshot(nil, true, s.given))
	s.of.leave(s)
	return given, true, false
}

const (
	// lookedAt is how many versions are looked at under one lock.
	lookedAt = 256
	// mostLooked is how many are looked at in vain before others have their turn.
	mostLooked = 16 * lookedAt
)

// look finds what is to be given next, and tells whether there is any. It does not look further than at mostLooked versions.
func (s *snapshot) look(looked *int) bool {
	for len(s.ready) == 0 && !s.isRest && *looked < mostLooked {
		var more bool
		s.ready, s.behind, more = s.of.next(nil, s.number, s.behind, lookedAt)
		s.isRest = !more
		*looked += lookedAt
		s.ready = slices.DeleteFunc(s.ready, func(r *proxy.Record) bool { return !s.wants(r) })
	}
	if len(s.ready) > 0 {
		*looked = 0
		return true
	}
	return false
}

// wants tells whether all selections want a record.
func (s *snapshot) wants(r *proxy.Record) bool {
	key := func(r *proxy.Record) string { return string(s.encoder.AppendKey(nil, r)) }
	return !slices.ContainsFunc(s.by, func(by *Selection) bool { return !by.matches(r, key, (*Filter).Matches) })
}

// giveUp ends the tail, unless it has just been given the last of them. The lock of a log may be held.
func (s *snapshot) giveUp() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.isGivenUp = s.tail.endFor(s)
}

// moveTo has another tail give the rest. It returns false where that was given up.
func (s *snapshot) moveTo(t *Tail) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tail = t
	return !s.isGivenUp
}

// endFor ends the tail if a snapshot still waits. What it has of that was given while nothing was dropped.
func (t *Tail) endFor(s *snapshot) (waited bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if waited = s.of.leave(s); waited {
		t.endAsSlowSnapshot()
	}
	return waited
}

// endAsSlowSnapshot is called with t.mu held.
func (t *Tail) endAsSlowSnapshot() {
	if t.err == nil {
		t.err = errSlowSnapshot
	}
	t.leaveSnapshots()
	t.wake()
}

// leaveSnapshots gives back what is kept for the tail. t.mu is held.
func (t *Tail) leaveSnapshots() {
	for _, s := range slices.Concat(t.inherited, t.newest) {
		s.of.leave(s)
	}
	t.inherited, t.newest = nil, nil
}

// SelectKeys is Select, and gives the newest records of some keys, which the selection names.
func (t *Tail) SelectKeys(ctx context.Context, s *Selection, keys map[string]struct{}) error {
	if err := t.log.awaitTable(ctx); err != nil {
		return err
	}
	encoder := t.newEncoder()
	newest := *s
	newest.Keys, newest.Prefixes = keys, nil
	t.log.mu.Lock()
	defer t.log.mu.Unlock()
	if t.log.table.err != nil {
		return t.log.table.err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.inherited)+len(t.newest) >= mostSnapshots {
		return errManySnapshots
	}
	t.selectAnew(s)
	t.newest = append(t.newest, t.takeSnapshot(encoder, &newest))
	t.wake()
	return nil
}

// Inherit has the tail first give the newest records that another one of its client, whose place it takes, has yet to
// give. Nobody calls Fill of that one anymore, and of this one nobody has.
func (t *Tail) Inherit(from *Tail) {
	from.mu.Lock()
	left, conflated := slices.Concat(from.inherited, from.newest), from.conflated
	from.inherited, from.newest, from.conflated = nil, nil, 0
	from.mu.Unlock()
	t.mu.Lock()
	t.inherited = left
	t.conflated += conflated
	t.mu.Unlock()
	for _, s := range left {
		if !s.moveTo(t) {
			t.mu.Lock()
			t.endAsSlowSnapshot()
			t.mu.Unlock()
		}
	}
}

// hasNoPlace tells whether newest records are still to come with which the client begins. t.mu is held.
func (t *Tail) hasNoPlace() bool {
	begins := func(s *snapshot) bool { return s.begins }
	return slices.ContainsFunc(t.inherited, begins) || slices.ContainsFunc(t.newest, begins)
}
