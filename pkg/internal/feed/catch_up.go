package feed

import (
	"context"
	"errors"
	"maps"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// pageBytes is about how many bytes of frames a page has.
const pageBytes = 64 << 10

// joining is how a tail with a selection joins the ring: its queue gets records already, and the tail reads the log up
// to where the queue has begun.
type joining struct {
	until proxy.Places // where the queue has begun
	spot  spot         // there
}

// catchUp has the tail read the log itself from its places on, until it can join the ring. checked is what the log was
// found to lack there, nil where that is not known. t.mu is held.
func (t *Tail) catchUp(at proxy.Places, checked *proxy.Batch) {
	if t.ended.Err() != nil {
		return
	}
	t.spot = spot{begin: at.Clone()}
	t.catching.Go(func() {
		for t.ended.Err() == nil {
			err := t.readLog(t.ended, at, checked)
			checked = nil
			switch {
			case err == nil:
				return
			case errors.Is(err, ErrGone):
				t.fail(err)
				return
			case errors.Is(err, errStalled):
				if t.goOn(t.ended, at) {
					return
				}
			default:
				sleep(t.ended, t.log.options.Retry)
			}
		}
	})
}

// errStalled has a tail give its turn back: its writer does not take what it was handed, and others wait for a turn.
var errStalled = errors.New("the client takes nothing")

// goOn waits, without a turn, until the writer has taken what it was handed, and tells whether the tail is live behind that.
func (t *Tail) goOn(ctx context.Context, at proxy.Places) (live bool) {
	select {
	case <-t.taken:
	case <-ctx.Done():
		return false
	}
	t.mu.Lock()
	t.spot = spot{begin: at.Clone()}
	t.mu.Unlock()
	return t.goLive(at)
}

// takeTurn waits until the log may be read once more.
func (l *Log) takeTurn(ctx context.Context) error {
	l.waiting.Add(1)
	defer l.waiting.Add(-1)
	select {
	case l.turns <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err() //nolint:wrapcheck // not told to anybody
	}
}

// readLog reads until the tail is live, and keeps at what the writer was given: by a sweep where that can be.
func (t *Tail) readLog(ctx context.Context, at proxy.Places, checked *proxy.Batch) error {
	if checked == nil && t.canSweep(at) && t.audience.sweeps.join(ctx, t, at) {
		return nil
	}
	return t.readAlone(ctx, at, checked)
}

// readAlone is readLog for one tail. It takes turns with other tails.
func (t *Tail) readAlone(ctx context.Context, at proxy.Places, checked *proxy.Batch) error {
	if err := t.log.takeTurn(ctx); err != nil {
		return err
	}
	defer func() { <-t.log.turns }()
	encoder := t.newEncoder()
	if live, err := t.check(ctx, encoder, at, checked); live || err != nil {
		return err
	}
	reader, err := t.log.source.Read(ctx, at)
	if err != nil {
		return err //nolint:wrapcheck // an error for the client
	}
	defer reader.Close()
	if t.slow == SlowLatest {
		reader = t.conflating(reader, at)
	}
	for {
		batch, err := t.poll(ctx, reader)
		if err != nil {
			return err
		}
		live, err := t.move(ctx, encoder, at, batch)
		if !live && err == nil && t.isThere(at) {
			live, err = t.check(ctx, encoder, at, nil) // it may only be that the leader has changed
		}
		if live || err != nil {
			return err
		}
	}
}

// poll waits for records, but not for ever: the ring may have come to where the tail is.
func (t *Tail) poll(ctx context.Context, r Reader) (proxy.Batch, error) {
	return pollBriefly(ctx, r, t.log.options.Retry)
}

// pollBriefly returns nothing where no records have come for a time.
func pollBriefly(ctx context.Context, r Reader, d time.Duration) (proxy.Batch, error) {
	brief, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	batch, err := r.Poll(brief)
	if isOf(brief, err) && ctx.Err() == nil {
		return proxy.Batch{}, nil
	}
	return batch, err //nolint:wrapcheck // an error for the client
}

// isOf tells whether an error is a context's own. After another one a reader is of no use, also if the context has ended at
// the same moment.
func isOf(ctx context.Context, err error) bool {
	return err != nil && err == ctx.Err() //nolint:errorlint // others may wrap the same one
}

// check hands the writer what the log does not have behind the places, and tells whether the tail is live.
func (t *Tail) check(ctx context.Context, e Encoder, at proxy.Places, checked *proxy.Batch) (live bool, err error) {
	if checked == nil {
		found, err := t.log.source.Check(ctx, at)
		if err != nil {
			return false, err //nolint:wrapcheck // an error for the client
		}
		checked = &found
	}
	return t.move(ctx, e, at, *checked)
}

// move hands a batch to the writer, and tells whether the tail is live behind it.
func (t *Tail) move(ctx context.Context, e Encoder, at proxy.Places, batch proxy.Batch) (live bool, err error) {
	if err := t.hand(ctx, e, at, batch); err != nil {
		return false, err
	}
	at.Pass(batch)
	t.mu.Lock()
	t.spot = spot{begin: at.Clone()}
	t.mu.Unlock()
	return t.goLive(at), nil
}

// isThere tells whether the tail is where it could join the ring, if the history of its places is that of the ring.
func (t *Tail) isThere(at proxy.Places) bool {
	t.log.mu.Lock()
	selects := t.selection != nil
	passes := t.audience.conflator != nil && at.Passes(t.log.fetched) // it can join wherever it has come to what is fetched
	t.log.mu.Unlock()
	if t.audience.conflator != nil {
		return passes
	}
	if !selects {
		return t.audience.ring.hasFrom(at)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.joining != nil && at.Passes(t.joining.until)
}

// goLive has the tail read the ring from now on, if that has all that comes next.
func (t *Tail) goLive(at proxy.Places) bool {
	t.log.mu.Lock()
	defer t.log.mu.Unlock()
	t.mu.Lock()
	defer t.mu.Unlock()
	ring := t.audience.ring
	if t.audience.conflator != nil {
		return t.goLiveConflated(at)
	}
	if t.selection == nil {
		if joined, ok := ring.join(at); ok {
			return t.liveAt(joined)
		}
		return false
	}
	if t.goLiveWithin(at) {
		return true
	}
	if t.joining == nil && ring.hasFrom(at) {
		t.joining = &joining{until: ring.places(), spot: ring.end()}
		t.queue = t.openQueue()
	}
	if t.queue.overflow {
		t.joining, t.queue = nil, queue{}
		return false
	}
	if t.joining == nil || !at.Reaches(t.joining.until) {
		return false
	}
	joined := t.joining.spot
	joined.ahead = at.Ahead(t.joining.until)
	return !joined.isOlderThan(ring.places()) && t.liveAt(joined)
}

// goLiveWithin has a tail with a selection read the ring from its places on, if the ring shows which records are wanted:
// without their contents, those by key. So tails that come back together, as those of a replica that has ended, need not
// read the log each for itself. The locks are held.
func (t *Tail) goLiveWithin(at proxy.Places) bool {
	if t.selection.Where != nil {
		return false
	}
	queue := t.openQueue()
	queue.behind = true // of each key the newest is enough, where records are conflated
	joined, ok := t.audience.ring.joinWanted(at, t.selection, func(c *chunk, at location) bool {
		return queue.pushFrom(c, at, t.audience.batch)
	})
	return ok && t.liveWith(joined, queue)
}

// liveWith makes the tail live with a queue. t.mu is held.
func (t *Tail) liveWith(s spot, q queue) bool {
	q.behind = q.behind && q.waits > 0
	t.queue = q
	return t.liveAt(s)
}

// goLiveConflated has the tail read a ring that conflates, once it was given all that the ring was, or holds. The locks
// are held.
func (t *Tail) goLiveConflated(at proxy.Places) bool {
	if !at.Reaches(t.log.fetched) {
		return false
	}
	end := t.log.endOf(t.audience)
	end.ahead = at.Clone()
	maps.Copy(end.ahead, at.Ahead(t.log.fetched))
	t.queue = t.openQueue()
	return t.liveAt(end)
}

// liveAt makes the tail live. t.mu is held.
func (t *Tail) liveAt(s spot) bool {
	t.spot, t.live, t.isVoid, t.joining = s, true, false, nil
	t.wake()
	return true
}

// hand encodes those of a batch that are wanted, and waits until the writer has taken them, page by page. With errStalled
// at is behind the last page.
func (t *Tail) hand(ctx context.Context, e Encoder, at proxy.Places, batch proxy.Batch) error {
	key := func(r *proxy.Record) string { return string(e.AppendKey(nil, r)) }
	p := newPage(e, batch.Gaps)
	p.before = at.Clone()
	behind := at.Clone()
	for _, gap := range batch.Gaps {
		behind[gap.Partition] = gap.Then
	}
	p.begin = behind.Clone()
	wanted := t.wanted()
	for i := range batch.Records {
		r := &batch.Records[i]
		behind[r.Partition] = proxy.Place{Offset: r.Offset + 1, Epoch: r.Epoch}
		if !wanted.matches(r, key, (*Filter).Matches) || !t.audience.before.matches(r, key, (*Filter).Matches) {
			continue
		}
		if p.add(e, r); len(p.frames) < pageBytes {
			continue
		}
		mayLeave := t.slow != SlowLatest // else those left out would be counted again
		if err := t.give(ctx, p, mayLeave); err != nil {
			return movedIf(err, at, behind)
		}
		p = newPage(e, nil)
		p.begin = behind.Clone()
	}
	return movedIf(t.give(ctx, p, true), at, behind)
}

// movedIf moves places behind the last page if the tail has stalled, and returns the error.
func movedIf(err error, at, behind proxy.Places) error {
	if errors.Is(err, errStalled) {
		maps.Copy(at, behind)
	}
	return err
}

func (t *Tail) wanted() *Selection {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.selection
}

// give hands a page to the writer, and waits until that has taken it. If that takes long while others wait for a turn, it
// returns errStalled, unless the tail may not leave: who takes nothing must hold up nobody.
func (t *Tail) give(ctx context.Context, p *page, mayLeave bool) error {
	if len(p.controls)+len(p.offsets) == 0 {
		return nil
	}
	t.mu.Lock()
	if len(p.controls) > 0 {
		t.holdBack(p.before)
	}
	t.page, t.spot = p, spot{index: p.index}
	t.mu.Unlock()
	t.wake()
	stalled := time.NewTimer(t.log.options.Retry)
	defer stalled.Stop()
	for {
		select {
		case <-t.taken:
			return nil
		case <-ctx.Done():
			return ctx.Err() //nolint:wrapcheck // not told to anybody
		case <-stalled.C:
			if mayLeave && t.log.waiting.Load() > 0 {
				return errStalled
			}
			stalled.Reset(t.log.options.Retry)
		}
	}
}
