package produce

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
		e := NewExpiry(parent, after)
		first := e.Of(time.Now())
		if !isPinnedContext(first.pinned) || isPinnedContext(first.Free) {
			t.Error("the mark of pinned records is wrong")
		}
		time.Sleep(after/generationsPerExpiry - 1)
		if e.Of(time.Now()) != first {
			t.Error("records of about the same time have different contexts")
		}
		time.Sleep(time.Nanosecond)
		second := e.Of(time.Now())
		if second == first {
			t.Error("records of different times have one context")
		}
		time.Sleep(after - 1) // the last record of the first generation has this age
		synctest.Wait()
		if first.Free.Err() != nil {
			t.Error("the first generation ended too early")
		}
		time.Sleep(time.Nanosecond)
		synctest.Wait()
		if !errors.Is(first.Free.Err(), context.DeadlineExceeded) || !errors.Is(first.pinned.Err(), context.DeadlineExceeded) || second.Free.Err() != nil {
			t.Errorf("at its end: %v, %v, and the next: %v", first.Free.Err(), first.pinned.Err(), second.Free.Err())
		}
		cancel()
		if second.Free.Err() == nil {
			t.Error("a generation outlives its parent")
		}
	})
}

func isPinnedContext(ctx context.Context) bool {
	_, ok := ctx.(pinned)
	return ok
}
