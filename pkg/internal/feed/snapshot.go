package feed

import (
	"context"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// snapshot is the newest records that a tail is given before all others.
type snapshot struct {
	encoder Encoder
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
	t.snapshot = t.takeSnapshot(encoder, t.selection)
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
	t.selectAnew(s)
	taken := t.takeSnapshot(encoder, &newest)
	if t.snapshot == nil {
		t.snapshot = taken
	} else {
		t.further = append(t.further, taken)
	}
	t.wake()
	return nil
}
