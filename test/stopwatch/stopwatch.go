package stopwatch

import (
	"sync"
	"testing"
	"time"
)

const (
	// tick is how often a watch looks whether its process runs.
	tick = 10 * time.Millisecond
	// most is what one tick counts for. A machine with nothing else to do wakes a goroutine
	// within a millisecond, so that what is beyond was taken by others.
	most = tick + tick/2
)

// Watch counts the time in which its process could run. Its methods may be called concurrently.
type Watch struct {
	began time.Time
	stop  func()

	mu      sync.Mutex // guards what follows
	last    time.Time
	counted time.Duration
}

// Start returns a watch that runs until the end of the test.
func Start(t testing.TB) *Watch {
	t.Helper()
	now := time.Now()
	w := &Watch{began: now, last: now}
	var ticking sync.WaitGroup
	over := make(chan struct{})
	ticking.Go(func() { w.run(over) })
	w.stop = sync.OnceFunc(func() {
		close(over)
		ticking.Wait()
	})
	t.Cleanup(w.stop)
	return w
}

// Stop stops the watch before the end of the test. What it has counted stays.
func (w *Watch) Stop() { w.stop() }

func (w *Watch) run(over <-chan struct{}) {
	ticker := time.NewTimer(tick)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			w.count(time.Now())
			ticker.Reset(tick)
		case <-over:
			return
		}
	}
}

func (w *Watch) count(now time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.counted += min(now.Sub(w.last), most)
	w.last = now
}

// Elapsed returns how long the process could run since the start. It is never more than the time
// that has passed.
func (w *Watch) Elapsed() time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.counted
}

// Stalled returns how long others kept the process from running since the start.
func (w *Watch) Stalled() time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.last.Sub(w.began) - w.counted
}

// Wait returns when the process could run for d since the start.
func (w *Watch) Wait(d time.Duration) {
	for left := d - w.Elapsed(); left > 0; left = d - w.Elapsed() {
		<-time.After(max(left, tick))
	}
}
