package feed

import (
	"context"
	"errors"
	"sync"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// Tail is one reader of a log.
type Tail struct {
	log      *Log
	audience *audience
	wake     func() // tells the writer that there may be frames
	cancel   context.CancelFunc
	ended    context.Context
	catching sync.WaitGroup

	mu      sync.Mutex // guards what follows
	live    bool       // whether the tail is at a spot of the ring
	spot    spot
	pending []byte // frames of the log, which the writer has yet to take
	taken   chan struct{}
	err     error // why nothing more is read
}

// Open begins a tail at its places, or at the end of the log where at is nil. wake is called without a wait when there
// may be frames, from any goroutine. Close must be called in the end.
func (l *Log) Open(ctx context.Context, variant Variant, encoder Encoder, at proxy.Places, wake func()) (*Tail, error) {
	t := &Tail{log: l, wake: wake, taken: make(chan struct{}, 1)}
	t.ended, t.cancel = context.WithCancel(context.Background())
	audience, err := l.join(ctx, t, variant, encoder)
	if err != nil {
		t.cancel()
		return nil, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.audience = audience
	if at == nil {
		t.spot, t.live = audience.ring.end(), true
		return t, nil
	}
	t.catchUp(at)
	return t, nil
}

// Close ends the tail.
func (t *Tail) Close() {
	t.cancel()
	t.log.leave(t)
	t.catching.Wait()
}

// Fill appends frames while dst is shorter than size. Only the writer calls it.
func (t *Tail) Fill(dst []byte, size int) []byte {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.pending) > 0 {
		dst = append(dst, t.pending...)
		t.pending = nil
		t.taken <- struct{}{}
		return dst
	}
	if !t.live {
		return dst
	}
	dst, has := t.audience.ring.read(dst, &t.spot, size)
	if !has {
		t.live = false
		t.catchUp(t.spot.places())
	}
	return dst
}

// Places returns the places of the tail behind what Fill has given. It is exact while the tail is live.
func (t *Tail) Places() proxy.Places {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.spot.places()
}

// Err tells why the tail has ended, if it has.
func (t *Tail) Err() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.err
}

// catchUp has the tail read the log itself from its places on, until it can join the ring. t.mu is held.
func (t *Tail) catchUp(at proxy.Places) {
	if t.ended.Err() != nil {
		return
	}
	t.catching.Go(func() {
		for t.ended.Err() == nil {
			err := t.readLog(t.ended, at)
			if err == nil {
				return
			}
			if errors.Is(err, ErrGone) {
				t.fail(err)
				return
			}
			sleep(t.ended, t.log.options.Retry)
		}
	})
}

// fail tells the writer that nothing more is read.
func (t *Tail) fail(err error) {
	t.mu.Lock()
	t.err = err
	t.mu.Unlock()
	t.wake()
}

// readLog reads until the tail is live, and keeps at what the writer was given. It takes turns with other tails.
func (t *Tail) readLog(ctx context.Context, at proxy.Places) error {
	select {
	case t.log.options.CatchUps <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err() //nolint:wrapcheck // not told to anybody
	}
	defer func() { <-t.log.options.CatchUps }()
	if live, err := t.check(ctx, at); live || err != nil {
		return err
	}
	reader, err := t.log.source.Read(ctx, at)
	if err != nil {
		return err //nolint:wrapcheck // an error for the client
	}
	defer reader.Close()
	for {
		batch, err := reader.Poll(ctx)
		if err != nil {
			return err //nolint:wrapcheck // an error for the client
		}
		live, err := t.move(ctx, at, batch)
		if !live && err == nil && t.audience.ring.hasFrom(at) {
			live, err = t.check(ctx, at) // it may only be that the leader has changed
		}
		if live || err != nil {
			return err
		}
	}
}

// check hands the writer what the log does not have behind the places, and tells whether the tail is live.
func (t *Tail) check(ctx context.Context, at proxy.Places) (live bool, err error) {
	checked, err := t.log.source.Check(ctx, at)
	if err != nil {
		return false, err //nolint:wrapcheck // an error for the client
	}
	return t.move(ctx, at, checked)
}

// move hands a batch to the writer, and tells whether the tail is live behind it.
func (t *Tail) move(ctx context.Context, at proxy.Places, batch proxy.Batch) (live bool, err error) {
	if err := t.hand(ctx, batch); err != nil {
		return false, err
	}
	at.Pass(batch)
	return t.goLive(at), nil
}

// goLive has the tail read the ring from now on, if that has all that comes next.
func (t *Tail) goLive(at proxy.Places) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	spot, ok := t.audience.ring.join(at)
	if !ok {
		return false
	}
	t.spot, t.live = spot, true
	t.wake()
	return true
}

// hand encodes a batch and waits until the writer has taken it, in parts.
func (t *Tail) hand(ctx context.Context, batch proxy.Batch) error {
	const part = 64 << 10
	var frames []byte
	for _, gap := range batch.Gaps {
		frames = t.audience.encoder.AppendGap(frames, gap)
	}
	for i := range batch.Records {
		frames = t.audience.encoder.AppendRecord(frames, &batch.Records[i])
		if len(frames) >= part {
			if err := t.pass(ctx, frames); err != nil {
				return err
			}
			frames = frames[:0]
		}
	}
	return t.pass(ctx, frames)
}

func (t *Tail) pass(ctx context.Context, frames []byte) error {
	if len(frames) == 0 {
		return nil
	}
	t.mu.Lock()
	t.pending = frames
	t.mu.Unlock()
	t.wake()
	select {
	case <-t.taken:
		return nil
	case <-ctx.Done():
		return ctx.Err() //nolint:wrapcheck // not told to anybody
	}
}
