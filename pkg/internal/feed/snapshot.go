package feed

import (
	"context"
	"slices"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// mostSnapshots is how many times newest records may wait for a client that takes none.
const mostSnapshots = 16

// errManySnapshots is the error for clients that ask for newest records once more.
var errManySnapshots = proxy.Errorf(proxy.KindLimitReached, "snapshot: the newest records of %d commands before have yet to come.", mostSnapshots)

// snapshot is the newest records that a tail is given before all others.
type snapshot struct {
	encoder Encoder
	begins  bool // whether the tail begins with it, and has no place before
	records []*proxy.Record
	given   int
	begun   bool
	frame   []byte
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
	key := func(r *proxy.Record) string { return string(e.AppendKey(nil, r)) }
	return &snapshot{encoder: e, records: t.log.table.wanted(key, t.audience.before, s)}
}

// fill gives the rest of the snapshot. It returns true when that is all.
func (s *snapshot) fill(most int, record, control func(frame []byte) (more bool)) (given int, done bool) {
	if !s.begun {
		s.begun = true
		control(s.encoder.AppendSnapshot(nil, false, len(s.records)))
	}
	for given < most && s.given < len(s.records) {
		s.frame = s.encoder.AppendRecord(s.frame[:0], s.records[s.given])
		s.given++
		given++
		if !record(s.frame) {
			break
		}
	}
	if s.given < len(s.records) {
		return given, false
	}
	control(s.encoder.AppendSnapshot(nil, true, len(s.records)))
	return given, true
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
	defer t.mu.Unlock()
	t.inherited = left
	t.conflated += conflated
}

// hasNoPlace tells whether newest records are still to come with which the client begins. t.mu is held.
func (t *Tail) hasNoPlace() bool {
	begins := func(s *snapshot) bool { return s.begins }
	return slices.ContainsFunc(t.inherited, begins) || slices.ContainsFunc(t.newest, begins)
}
