package budget

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
)

// request is an Acquire of a test.
type request struct {
	done     chan struct{}
	finished chan error
}

// acquire begins an Acquire and returns when it is admitted or waits. It is for synctest bubbles.
func acquire(b *Budget, k Kind, bytes int64) *request {
	r := &request{done: make(chan struct{}), finished: make(chan error, 1)}
	go func() { r.finished <- b.Acquire(r.done, k, bytes) }()
	synctest.Wait()
	return r
}

// state is whether an Acquire waits, was admitted, or was given up.
func (r *request) state(t *testing.T) string {
	t.Helper()
	synctest.Wait()
	select {
	case err := <-r.finished:
		r.finished <- err
		if errors.Is(err, ErrGivenUp) {
			return "given up"
		}
		return "admitted"
	default:
		return "waits"
	}
}

func (r *request) want(t *testing.T, what, state string) {
	t.Helper()
	if got := r.state(t); got != state {
		t.Errorf("%s: %s, want %s", what, got, state)
	}
}

func (r *request) giveUp() {
	close(r.done)
	synctest.Wait()
}

// TestRoom checks whether one request is admitted beside what is held. The budget is 800, of which 100
// are reserved for each kind that waits.
func TestRoom(t *testing.T) {
	for name, test := range map[string]struct {
		held  map[Kind]int64
		kind  Kind
		bytes int64
		state string
	}{
		"nothing is held":                         {nil, Producing, 600, "admitted"},
		"more than everything, nothing is held":   {nil, Producing, 5000, "admitted"},
		"more than everything, something is held": {map[Kind]int64{Producing: 1}, Producing, 5000, "waits"},
		"up to what others have kept for them":    {map[Kind]int64{Producing: 500}, Producing, 100, "admitted"},
		"beyond it":                               {map[Kind]int64{Producing: 500}, Producing, 101, "waits"},
		"beside all that others may have":         {map[Kind]int64{Consuming: 600, Producing: 50}, Producing, 50, "admitted"},
		"beyond what is kept for it":              {map[Kind]int64{Consuming: 600, Producing: 50}, Producing, 51, "waits"},
		"others hold only what is kept for them":  {map[Kind]int64{Consuming: 100, Receiving: 100, Producing: 1}, Producing, 599, "admitted"},
		"others share the rest":                   {map[Kind]int64{Consuming: 300, Receiving: 200, Producing: 1}, Producing, 300, "waits"},
		"writing takes of what is shared":         {map[Kind]int64{Writing: 400, Producing: 1}, Producing, 200, "waits"},
		"charges beyond the budget leave what is kept": {
			map[Kind]int64{Writing: 5000, Consuming: 5000, Producing: 1}, Producing, 99, "admitted",
		},
		"and no more":   {map[Kind]int64{Writing: 5000, Consuming: 5000, Producing: 1}, Producing, 100, "waits"},
		"no bytes":      {map[Kind]int64{Producing: 600}, Producing, 0, "admitted"},
		"of the others": {map[Kind]int64{Producing: 5000}, Receiving, 100, "admitted"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := New(800)
				for k, bytes := range test.held {
					b.Charge(k, bytes)
				}
				r := acquire(b, test.kind, test.bytes)
				r.want(t, "the request", test.state)
				if test.state == "waits" {
					r.giveUp()
				}
			})
		})
	}
}

func TestWaitsAreServedInTheirOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := New(800)
		b.Charge(Producing, 600)
		large, small := acquire(b, Producing, 400), acquire(b, Producing, 1)
		b.Release(Producing, 300)
		large.want(t, "the large one", "waits")
		small.want(t, "the small one, which would fit", "waits")
		b.Release(Producing, 100)
		large.want(t, "the large one", "admitted")
		small.want(t, "the small one", "waits")
		b.Release(Producing, 1)
		small.want(t, "the small one", "admitted")
	})
}

// TestKindsDoNotWaitForEachOther stalls each kind, and checks that the others go on.
func TestKindsDoNotWaitForEachOther(t *testing.T) {
	for _, stalled := range []Kind{Receiving, Producing, Consuming} {
		t.Run(stalled.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := New(800)
				var crowd []*request
				for range 100 {
					crowd = append(crowd, acquire(b, stalled, 60))
				}
				for _, k := range []Kind{Receiving, Producing, Consuming} {
					for range 50 {
						if k == stalled {
							continue
						}
						acquire(b, k, 100).want(t, k.String(), "admitted")
						b.Release(k, 100)
					}
				}
				if held := b.Held(stalled); held != 600 {
					t.Errorf("the crowd holds %d", held)
				}
				for _, r := range crowd[10:] {
					r.giveUp()
				}
			})
		})
	}
}

func TestEarlierOfTwoKindsIsServedFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := New(800)
		b.Charge(Writing, 500)
		b.Charge(Producing, 100)
		b.Charge(Consuming, 100)
		consumer, producer := acquire(b, Consuming, 300), acquire(b, Producing, 300)
		b.Release(Writing, 300)
		consumer.want(t, "who came first", "admitted")
		producer.want(t, "who came second", "waits")
		b.Release(Consuming, 300)
		producer.want(t, "who came second", "admitted")
	})
}

func TestWhoGivesUpLeavesRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := New(800)
		b.Charge(Producing, 500)
		large, small := acquire(b, Producing, 300), acquire(b, Producing, 100)
		small.want(t, "who is behind", "waits")
		large.giveUp()
		large.want(t, "who gives up", "given up")
		small.want(t, "who was behind", "admitted")
		if held := b.Held(Producing); held != 600 {
			t.Errorf("%d are held", held)
		}
	})
}

func TestNewcomersAreRefusedBeyondNineTenths(t *testing.T) {
	for name, test := range map[string]struct {
		held map[Kind]int64
		full map[Kind]bool
	}{
		"nothing is held":    {nil, nil},
		"nine tenths of all": {map[Kind]int64{Receiving: 100, Producing: 310, Consuming: 310}, nil},
		"more than that": {
			map[Kind]int64{Receiving: 100, Producing: 311, Consuming: 310}, map[Kind]bool{Producing: true, Consuming: true, Receiving: true},
		},
		"nine tenths of what it may":  {map[Kind]int64{Producing: 540}, nil},
		"more than that of one kind":  {map[Kind]int64{Producing: 541}, map[Kind]bool{Producing: true}},
		"what is kept for it, nearly": {map[Kind]int64{Producing: 500, Consuming: 91}, map[Kind]bool{}},
	} {
		t.Run(name, func(t *testing.T) {
			b := New(800)
			for k, bytes := range test.held {
				b.Charge(k, bytes)
			}
			for _, k := range []Kind{Receiving, Producing, Consuming} {
				if full := b.IsFull(k); full != test.full[k] {
					t.Errorf("%s is full: %t", k, full)
				}
			}
		})
	}
}

func TestWithoutALimit(t *testing.T) {
	for name, b := range map[string]*Budget{"none": nil, "of size 0": New(0)} {
		t.Run(name, func(t *testing.T) {
			for range 2 {
				if err := b.Acquire(nil, Producing, 1<<40); err != nil {
					t.Fatal(err)
				}
			}
			b.Charge(Consuming, 1<<40)
			if b.IsFull(Producing) || b.IsTight() || b.Share(Consuming, 9) < 1<<50 {
				t.Error("there is a limit")
			}
			b.Release(Producing, 2<<40)
			b.Release(Consuming, 1<<40)
		})
	}
}

func TestReleasingMoreThanIsHeldPanics(t *testing.T) {
	for _, bytes := range []int64{101, -1} {
		t.Run(fmt.Sprint(bytes), func(t *testing.T) {
			b := New(800)
			b.Charge(Producing, 100)
			defer func() {
				if recover() == nil {
					t.Error("it did not")
				}
			}()
			b.Release(Producing, bytes)
		})
	}
}

// TestCrowd acquires and releases in many goroutines at once: all are admitted, and what is held stays
// within the budget.
func TestCrowd(t *testing.T) {
	const size, workers, rounds = 8000, 40, 300
	b := New(size)
	var workersDone sync.WaitGroup
	for worker := range workers {
		workersDone.Go(func() {
			k := []Kind{Receiving, Producing, Consuming}[worker%3]
			for round := range rounds {
				bytes := int64((worker*31+round*17)%900 + 1)
				if err := b.Acquire(nil, k, bytes); err != nil {
					t.Error(err)
				}
				if sum := b.Held(Receiving) + b.Held(Producing) + b.Held(Consuming); sum > 2*size {
					t.Errorf("%d are held", sum)
				}
				b.Release(k, bytes)
			}
		})
	}
	workersDone.Wait()
	for _, k := range Kinds() {
		if held := b.Held(k); held != 0 {
			t.Errorf("%d of kind %s are still held", held, k)
		}
	}
}

// modelled is a request in FuzzBudget's model.
type modelled struct {
	*request
	kind  Kind
	bytes int64
}

// FuzzBudget makes requests begin, finish and give up in any order. After each step, what was acquired
// stays within the budget except for one request of each kind, and no waiter that is the first of its
// kind would fit. At the end all have been served.
func FuzzBudget(f *testing.F) {
	f.Add([]byte{0, 200, 1, 100, 2, 90, 130, 0, 64, 1, 3, 255, 4, 9, 131, 2})
	f.Add([]byte{0, 255, 0, 255, 0, 255, 1, 1, 128, 0, 128, 0, 128, 0})
	f.Fuzz(func(t *testing.T, steps []byte) {
		synctest.Test(t, func(t *testing.T) {
			b := New(800)
			var all []modelled
			for i := 0; i+1 < len(steps) && i < 200; i += 2 {
				all = step(t, b, all, steps[i], steps[i+1])
				check(t, b, all)
			}
			for len(all) > 0 {
				before := len(all)
				all = slices.DeleteFunc(all, func(m modelled) bool {
					if m.state(t) != "admitted" {
						return false
					}
					b.Release(m.kind, m.bytes)
					return true
				})
				if len(all) == before {
					t.Fatalf("%d wait for ever", len(all))
				}
			}
		})
	})
}

// step begins a request, finishes one or gives one up.
func step(t *testing.T, b *Budget, all []modelled, what, which byte) []modelled {
	t.Helper()
	if what < 128 || len(all) == 0 {
		k, bytes := Kind(what%3), int64(which)*4
		return append(all, modelled{acquire(b, k, bytes), k, bytes})
	}
	at := int(which) % len(all)
	if all[at].state(t) == "admitted" {
		b.Release(all[at].kind, all[at].bytes)
	} else {
		all[at].giveUp()
	}
	return slices.Delete(all, at, at+1)
}

func check(t *testing.T, b *Budget, all []modelled) {
	t.Helper()
	var held [kinds]int64
	var most [kinds]int64
	for _, m := range all {
		if m.state(t) == "admitted" {
			held[m.kind] += m.bytes
			most[m.kind] = max(most[m.kind], m.bytes)
		}
	}
	for _, k := range Kinds() {
		if b.Held(k) != held[k] {
			t.Fatalf("%d of kind %s are held, want %d", b.Held(k), k, held[k])
		}
	}
	if sum := held[Receiving] + held[Producing] + held[Consuming]; sum > 800+most[Receiving]+most[Producing]+most[Consuming] {
		t.Fatalf("%d are held", sum)
	}
	var seen [kinds]bool
	for _, m := range all {
		if m.state(t) != "waits" || seen[m.kind] {
			continue
		}
		seen[m.kind] = true
		if held[m.kind] == 0 || m.bytes+held[m.kind] <= 100 {
			t.Fatalf("a request of %d of kind %s waits, where %v are held", m.bytes, m.kind, held)
		}
	}
}

func BenchmarkAcquireRelease(b *testing.B) {
	budget := New(1 << 30)
	b.ReportAllocs()
	for b.Loop() {
		if err := budget.Acquire(nil, Producing, 1000); err != nil {
			b.Fatal(err)
		}
		budget.Release(Producing, 1000)
	}
}

func BenchmarkAcquireReleaseInParallel(b *testing.B) {
	budget := New(1 << 30)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if budget.Acquire(nil, Producing, 1000) == nil {
				budget.Release(Producing, 1000)
			}
		}
	})
}
