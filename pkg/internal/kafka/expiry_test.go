package kafka

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

func TestExpiry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const after = 8 * time.Second
		parent, cancel := context.WithCancel(t.Context())
		defer cancel()
		e := newExpiry(parent, after)
		first := e.of(time.Now())
		if !isPinnedContext(first.pinned) || isPinnedContext(first.free) {
			t.Error("the mark of pinned records is wrong")
		}
		time.Sleep(after/generationsPerExpiry - 1)
		if e.of(time.Now()) != first {
			t.Error("records of about the same time have different contexts")
		}
		time.Sleep(time.Nanosecond)
		second := e.of(time.Now())
		if second == first {
			t.Error("records of different times have one context")
		}
		time.Sleep(after - 1) // the last record of the first generation is as old as this
		synctest.Wait()
		if first.free.Err() != nil {
			t.Error("the first generation ended too early")
		}
		time.Sleep(time.Nanosecond)
		synctest.Wait()
		if !errors.Is(first.free.Err(), context.DeadlineExceeded) || !errors.Is(first.pinned.Err(), context.DeadlineExceeded) || second.free.Err() != nil {
			t.Errorf("at its end: %v, %v, and the next: %v", first.free.Err(), first.pinned.Err(), second.free.Err())
		}
		cancel()
		if second.free.Err() == nil {
			t.Error("a generation outlives its parent")
		}
	})
}

func isPinnedContext(ctx context.Context) bool {
	_, ok := ctx.(pinned)
	return ok
}
