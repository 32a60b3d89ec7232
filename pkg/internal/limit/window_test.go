package limit_test

import (
	"errors"
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/limit"
)

type portion struct {
	messages int
	bytes    int64
}

func TestAcquire(t *testing.T) {
	for _, tc := range []struct {
		name    string
		held    portion
		request portion
		fits    bool
	}{
		{"into an empty window", portion{}, portion{1, 10}, true},
		{"up to the last message", portion{3, 3}, portion{1, 1}, true},
		{"up to the last byte", portion{1, 90}, portion{1, 10}, true},
		{"one message too many", portion{4, 4}, portion{1, 1}, false},
		{"one byte too many", portion{1, 91}, portion{1, 10}, false},
		{"more messages than the window, empty", portion{}, portion{5, 5}, true},
		{"more bytes than the window, empty", portion{}, portion{1, 1000}, true},
		{"more than the window, not empty", portion{1, 0}, portion{5, 5}, false},
		{"more than the window, only bytes held", portion{0, 1}, portion{5, 5}, false},
		{"an empty batch into a window full of messages", portion{4, 4}, portion{0, 2}, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w := limit.NewWindow(4, 100)
			mustAcquire(t, w, tc.held)
			given := make(chan struct{})
			close(given)
			err := w.Acquire(given, tc.request.messages, tc.request.bytes)
			if tc.fits != (err == nil) || !tc.fits && !errors.Is(err, limit.ErrGivenUp) {
				t.Fatalf("got %v, want it to fit: %t", err, tc.fits)
			}
			want := tc.held
			if tc.fits {
				want.messages += tc.request.messages
				want.bytes += tc.request.bytes
			}
			wantHeld(t, w, want)
		})
	}
}

func mustAcquire(t *testing.T, w *limit.Window, p portion) {
	t.Helper()
	if err := w.Acquire(t.Context().Done(), p.messages, p.bytes); err != nil {
		t.Fatal(err)
	}
}

func wantHeld(t *testing.T, w *limit.Window, want portion) {
	t.Helper()
	if messages, bytes := w.Held(); messages != want.messages || bytes != want.bytes {
		t.Errorf("held are %d messages and %d bytes, want %+v", messages, bytes, want)
	}
}

func TestAcquireWaitsUntilItFits(t *testing.T) {
	for _, tc := range []struct {
		name     string
		held     portion
		request  portion
		releases []portion // it fits after the last one and not before
	}{
		{"one message", portion{4, 40}, portion{1, 10}, []portion{{1, 10}}},
		{"bytes of several", portion{4, 100}, portion{1, 50}, []portion{{1, 20}, {1, 20}, {1, 10}}},
		{"a larger one, until empty", portion{4, 40}, portion{9, 10}, []portion{{1, 10}, {2, 20}, {1, 10}}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := limit.NewWindow(4, 100)
				mustAcquire(t, w, tc.held)
				var admitted atomic.Bool
				done := make(chan struct{})
				go func() {
					defer close(done)
					mustAcquire(t, w, tc.request)
					admitted.Store(true)
				}()
				for i, p := range tc.releases {
					synctest.Wait()
					if admitted.Load() {
						t.Fatalf("admitted after %d of %d releases", i, len(tc.releases))
					}
					w.Release(p.messages, p.bytes)
				}
				<-done
			})
		})
	}
}

func TestAcquireIsGivenUpWhileItWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := limit.NewWindow(1, 100)
		mustAcquire(t, w, portion{1, 1})
		done, result := make(chan struct{}), make(chan error, 1)
		go func() { result <- w.Acquire(done, 1, 1) }()
		synctest.Wait()
		close(done)
		if err := <-result; !errors.Is(err, limit.ErrGivenUp) {
			t.Errorf("got %v, want ErrGivenUp", err)
		}
		wantHeld(t, w, portion{1, 1})
	})
}

func TestReleaseOfMoreThanIsHeldPanics(t *testing.T) {
	for _, tc := range []struct {
		name    string
		release portion
	}{
		{"messages", portion{2, 1}}, {"bytes", portion{1, 11}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w := limit.NewWindow(4, 100)
			mustAcquire(t, w, portion{1, 10})
			defer func() {
				if recover() == nil {
					t.Error("it was accepted")
				}
			}()
			w.Release(tc.release.messages, tc.release.bytes)
		})
	}
}

// TestWindowUnderLoad checks the invariants with a reader that acquires random requests and
// several goroutines that release them.
func TestWindowUnderLoad(t *testing.T) {
	const maxMessages, maxBytes, requests, releasers = 64, 4096, 20_000, 4
	w := limit.NewWindow(maxMessages, maxBytes)
	inFlight := make(chan portion, 2*maxMessages)
	finished := make(chan struct{}, releasers)
	for range releasers {
		go func() {
			defer func() { finished <- struct{}{} }()
			for p := range inFlight {
				messages, bytes := w.Held()
				oversize := p.messages > maxMessages || p.bytes > maxBytes
				if !oversize && (messages > maxMessages || bytes > maxBytes) {
					t.Errorf("%d messages and %d bytes are held beside %+v", messages, bytes, p)
				}
				w.Release(p.messages, p.bytes)
			}
		}()
	}
	random := rand.New(rand.NewPCG(1, 2))
	for range requests {
		p := portion{1 + random.IntN(4), random.Int64N(200)}
		if random.IntN(1000) == 0 {
			p = portion{maxMessages + 1, maxBytes + 1}
		}
		mustAcquire(t, w, p)
		inFlight <- p
	}
	close(inFlight)
	for range releasers {
		<-finished
	}
	wantHeld(t, w, portion{})
}

func TestWindowDoesNotAllocateWhileThereIsRoom(t *testing.T) {
	w := limit.NewWindow(limit.MaxMessages, limit.MaxBytes)
	done := t.Context().Done()
	allocs := testing.AllocsPerRun(1000, func() {
		if err := w.Acquire(done, 1, 100); err != nil {
			t.Fatal(err)
		}
		w.Release(1, 100)
	})
	if allocs != 0 {
		t.Errorf("%v allocations per message", allocs)
	}
}
