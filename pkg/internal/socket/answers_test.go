package socket

import (
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/codec"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/limit"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/metrics"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

func newAnswers(window *limit.Window) *answers {
	m := metrics.New(prometheus.NewRegistry(), metrics.Build{})
	return &answers{
		codec: codec.NewJSONIn(codec.InSettings{Topic: "t"}), window: window, timeout: time.Minute,
		metrics: m, topic: m.Produced("t"), total: new(atomic.Int64), wake: func() {}, backlog: newBacklog(1000, time.Minute),
	}
}

// put acquires the window for messages and puts them into the queue, as the reader does.
func (a *answers) put(t *testing.T, n int, isBatch bool) *slot {
	t.Helper()
	var batch *codec.Batch
	if isBatch {
		batch = new(codec.Batch)
	}
	s := a.hold(make([]codec.Message, n), batch)
	if err := a.acquire(t.Context().Done(), s); err != nil {
		t.Fatal(err)
	}
	a.settle(s)
	return s
}

// hold puts messages of 100 bytes into the queue and holds their slot, as a reader that has to wait.
func (a *answers) hold(messages []codec.Message, batch *codec.Batch) *slot {
	return a.push(messages, batch, shareOf(messages, batch, 100), time.Now(), false)
}

// enter puts messages into the queue as the reader does, with their share where there is room for it.
func (a *answers) enter(t *testing.T, messages []codec.Message, batch *codec.Batch) (s *slot, waited bool) {
	t.Helper()
	of := shareOf(messages, batch, 100)
	if a.tryAcquire(of) {
		return a.push(messages, batch, of, time.Now(), true), false
	}
	s = a.hold(messages, batch)
	if err := a.acquire(t.Context().Done(), s); err != nil {
		t.Fatal(err)
	}
	return s, true
}

func wantHeld(t *testing.T, w *limit.Window, when string, want int) {
	t.Helper()
	if messages, bytes := w.Held(); messages != want || (bytes == 0) != (want == 0) {
		t.Errorf("%s: %d messages of %d bytes are held, want %d", when, messages, bytes, want)
	}
}

// TestASlotIsFreedByTheLaterOfTwo checks each order of the release by Kafka's client and the answer.
func TestASlotIsFreedByTheLaterOfTwo(t *testing.T) {
	write := func(a *answers) {
		if len(a.fill(nil)) > 0 {
			a.wrote()
		}
	}
	t.Run("acknowledged, then written", func(t *testing.T) {
		w := limit.NewWindow(10, 1000)
		a := newAnswers(w)
		s := a.put(t, 1, false)
		s.entries[0].Done(proxy.Ack{}, nil)
		wantHeld(t, w, "acknowledged", 1)
		a.fill(nil)
		wantHeld(t, w, "being written", 1)
		a.wrote()
		wantHeld(t, w, "written", 0)
	})
	t.Run("timed out and written, then acknowledged", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			w := limit.NewWindow(10, 1000)
			a := newAnswers(w)
			s := a.put(t, 3, true)
			s.entries[1].Done(proxy.Ack{}, nil)
			time.Sleep(time.Minute)
			write(a)
			wantHeld(t, w, "timed out", 3)
			s.entries[0].Done(proxy.Ack{}, nil)
			wantHeld(t, w, "one of two acknowledged", 3)
			s.entries[2].Done(proxy.Ack{}, nil)
			wantHeld(t, w, "acknowledged", 0)
			if frame := a.fill(nil); len(frame) > 0 {
				t.Errorf("late acknowledgements are answered by %q", frame)
			}
		})
	})
	t.Run("timed out, acknowledged, then written", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			w := limit.NewWindow(10, 1000)
			a := newAnswers(w)
			s := a.put(t, 1, false)
			time.Sleep(time.Minute)
			a.fill(nil)
			s.entries[0].Done(proxy.Ack{}, nil)
			wantHeld(t, w, "acknowledged", 1)
			a.wrote()
			wantHeld(t, w, "written", 0)
		})
	})
	t.Run("written before the reader has let go", func(t *testing.T) {
		w := limit.NewWindow(10, 1000)
		a := newAnswers(w)
		s := a.hold([]codec.Message{{Err: proxy.Errorf(proxy.KindInvalidJSON, "x")}}, nil)
		write(a)
		wantHeld(t, w, "written", 0)
		if err := a.acquire(t.Context().Done(), s); err != nil {
			t.Fatal(err)
		}
		wantHeld(t, w, "charged", 1)
		a.settle(s)
		wantHeld(t, w, "let go", 0)
	})
	t.Run("an empty batch", func(t *testing.T) {
		w := limit.NewWindow(10, 1000)
		a := newAnswers(w)
		a.put(t, 0, true)
		wantHeld(t, w, "put", 1)
		write(a)
		wantHeld(t, w, "written", 0)
	})
}

// TestTheWindowIsWholeAfterAnything drives answers by a reader, a writer and goroutines that
// acknowledge, with timeouts among them. Window panics if more is released than is held.
func TestTheWindowIsWholeAfterAnything(t *testing.T) {
	for seed := range uint64(5) {
		synctest.Test(t, func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, 0))
			w := limit.NewWindow(64, 1<<20)
			a := newAnswers(w)
			stop, written := make(chan struct{}), make(chan struct{})
			go func() {
				defer close(written)
				for !isOver(stop) {
					if len(a.fill(nil)) > 0 {
						a.wrote()
					}
					time.Sleep(time.Second)
				}
			}()
			var acks sync.WaitGroup
			for range 500 {
				s, waited := a.enter(t, make([]codec.Message, 1+random.IntN(4)), new(codec.Batch))
				for i := range s.entries {
					wait := time.Duration(random.IntN(70)) * time.Second
					acks.Go(func() {
						time.Sleep(wait)
						s.entries[i].Done(proxy.Ack{}, nil)
					})
				}
				if waited {
					a.settle(s)
				}
			}
			acks.Wait()
			time.Sleep(2 * a.timeout)
			close(stop)
			<-written
			wantHeld(t, w, "at the end", 0)
			if !a.empty() {
				t.Error("something is in flight")
			}
			if len(a.free) > slotsPerFill {
				t.Errorf("%d slots are kept", len(a.free))
			}
		})
	}
}

// TestHugeSlotsAreNotKept answers batches of many messages between small ones.
func TestHugeSlotsAreNotKept(t *testing.T) {
	a := newAnswers(limit.NewWindow(1_000_000, 1<<30))
	for n := range 20 {
		size := []int{1, 10_000, 3}[n%3]
		s := a.put(t, size, size > 1)
		for i := range s.entries {
			s.entries[i].Done(proxy.Ack{}, nil)
		}
		if n%2 == 1 {
			a.fill(nil)
			a.wrote()
		}
	}
	kept := 0
	for _, s := range a.free {
		kept += cap(s.entries)
	}
	if kept > 10_000 {
		t.Errorf("there is room for %d messages in %d slots", kept, len(a.free))
	}
}

// TestWhatClientsSentIsLetGo checks that slots kept for reuse hold no data of clients.
func TestWhatClientsSentIsLetGo(t *testing.T) {
	a := newAnswers(limit.NewWindow(10, 1000))
	s, _ := a.enter(t, []codec.Message{{ID: "long", HasID: true}}, nil)
	s.entries[0].Done(proxy.Ack{}, nil)
	a.fill(nil)
	a.wrote()
	if len(a.free) != 1 || a.free[0] != s || s.entries[:1][0].id != "" {
		t.Errorf("kept are %d slots, the first entry %+v", len(a.free), s.entries[:1][0])
	}
}

func TestAnIdleConnectionKeepsFewSlots(t *testing.T) {
	const n = 4 * slotsPerFill
	a := newAnswers(limit.NewWindow(n, 1<<20))
	var slots []*slot
	for range n {
		slots = append(slots, a.put(t, 1, false))
	}
	for _, s := range slots {
		s.entries[0].Done(proxy.Ack{}, nil)
	}
	writes := 0
	for ; len(a.fill(nil)) > 0; writes++ {
		a.wrote()
	}
	if writes != n/slotsPerFill || len(a.free) > slotsPerFill {
		t.Errorf("%d slots are kept after %d writes", len(a.free), writes)
	}
}

// TestAnAnswerThatWasGivenStays acknowledges a message after it was answered TIMEOUT and before that
// is written, behind more frames than one write answers.
func TestAnAnswerThatWasGivenStays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAnswers(limit.NewWindow(2*slotsPerFill, 1<<20))
		var last *slot
		for range slotsPerFill + 1 {
			last = a.put(t, 1, false)
		}
		time.Sleep(a.timeout)
		frame := a.fill(nil)
		last.entries[0].Done(proxy.Ack{Offset: 7}, nil)
		var latest []byte
		for ; len(frame) > 0; frame = a.fill(nil) {
			latest = frame
			a.wrote()
		}
		if !strings.Contains(string(latest), `"TIMEOUT"`) || strings.Contains(string(latest), `"offset":7`) {
			t.Errorf("got %q", latest)
		}
		wantHeld(t, a.window, "one is let go", slotsPerFill)
	})
}

// empty tells whether no slot is queued and none is being written.
func (a *answers) empty() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.queue) == 0 && len(a.taken) == 0
}

// TestNothingIsTakenAfterTheEnd closes the queue as the writer does before its close frame: a
// message that the reader has at that time must not be produced, since it would not be answered.
func TestNothingIsTakenAfterTheEnd(t *testing.T) {
	for name, late := range map[string]bool{"nothing in flight": false, "too late": true} {
		t.Run(name, func(t *testing.T) {
			a := newAnswers(limit.NewWindow(10, limit.MaxBytes))
			if late {
				a.hold(make([]codec.Message, 1), nil)
				if a.over(false) {
					t.Fatal("over with a message in flight")
				}
			}
			if !a.over(late) {
				t.Fatal("not over")
			}
			if a.hold(make([]codec.Message, 1), nil) != nil {
				t.Error("a message was taken that nobody will answer")
			}
		})
	}
}
