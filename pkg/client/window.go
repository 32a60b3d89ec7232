package client

import (
	"context"
	"sync"
)

// window bounds what is unanswered: messages, and their bytes. One message is always admitted when there is no other.
type window struct {
	most, mostBytes int

	mu      sync.Mutex // guards what follows
	n       int
	bytes   int
	err     error         // why nothing is admitted anymore
	changed chan struct{} // closed at the next change, nil while nobody waits
}

// take waits for room.
func (w *window) take(ctx context.Context, bytes int) error {
	return w.await(ctx, func() bool {
		if w.n > 0 && (w.n >= w.most || w.bytes+bytes > w.mostBytes) {
			return false
		}
		w.n++
		w.bytes += bytes
		return true
	})
}

// awaitEmpty waits until nothing is unanswered.
func (w *window) awaitEmpty(ctx context.Context) error {
	return w.await(ctx, func() bool { return w.n == 0 })
}

// await waits until a condition holds, which is asked for under the lock at each change.
func (w *window) await(ctx context.Context, holds func() bool) error {
	for {
		changed, err := w.try(holds)
		if changed == nil {
			return err
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// try returns what is closed at the next change, if the condition does not hold.
func (w *window) try(holds func() bool) (changed <-chan struct{}, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err != nil || holds() {
		return nil, w.err
	}
	return w.change(), nil
}

// change returns what is closed at the next change. w.mu is held.
func (w *window) change() <-chan struct{} {
	if w.changed == nil {
		w.changed = make(chan struct{})
	}
	return w.changed
}

func (w *window) announce() {
	if w.changed != nil {
		close(w.changed)
		w.changed = nil
	}
}

// give gives room back.
func (w *window) give(n, bytes int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.n -= n
	w.bytes -= bytes
	w.announce()
}

// close has nothing admitted anymore.
func (w *window) close(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.err = err
	w.announce()
}
