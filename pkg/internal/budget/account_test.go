package budget

import (
	"testing"
	"testing/synctest"
)

// acquireOf is acquire for an account.
func acquireOf(a *Account, bytes int64) *request {
	r := &request{done: make(chan struct{}), finished: make(chan error, 1)}
	go func() { r.finished <- a.Acquire(r.done, bytes) }()
	synctest.Wait()
	return r
}

// crowd is accounts that hold as much of a kind as they get, in portions, and wait for more. The budget is 800, of which 600 are
// for the kind.
func crowd(b *Budget, n int, portion int64) (all []*Account, waiting []*request) {
	for range n {
		all = append(all, b.Account(Producing))
	}
	for len(waiting) < n {
		for _, a := range all {
			if !a.TryAcquire(portion) {
				waiting = append(waiting, acquireOf(a, portion))
			}
		}
	}
	return all, waiting
}

// TestWhoHoldsLittleDoesNotWaitForThoseWhoFillTheBudget has some connections hold what they may. A further one is admitted, and
// so is each of its requests that is not more than theirs.
func TestWhoHoldsLittleDoesNotWaitForThoseWhoFillTheBudget(t *testing.T) {
	for _, heavies := range []int{1, 2, 5, 11} {
		synctest.Test(t, func(t *testing.T) {
			b := New(800)
			all, waiting := crowd(b, heavies, 10)
			light := b.Account(Producing)
			for range 3 {
				r := acquireOf(light, 5)
				r.want(t, "the light one", "admitted")
			}
			if held := b.Held(Producing); held > 600 {
				t.Errorf("%d are held", held)
			}
			light.Release(15)
			for _, a := range all {
				if fair := int64(600 / (heavies + 1)); a.held < fair-20 || a.held > fair+20 {
					t.Errorf("one of %d holds %d", heavies, a.held)
				}
			}
			for _, r := range waiting {
				r.giveUp()
			}
		})
	}
}

func TestWhoHoldsLeastIsServedFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := New(800)
		b.Charge(Producing, 300)
		much, little := b.Account(Producing), b.Account(Producing)
		acquireOf(much, 140).want(t, "the first", "admitted")
		acquireOf(little, 70).want(t, "the second", "admitted")
		b.Charge(Producing, 90)
		first, second := acquireOf(much, 10), acquireOf(little, 10)
		first.want(t, "who came first and holds much", "waits")
		second.want(t, "who holds little", "waits")
		b.Release(Producing, 80)
		second.want(t, "who holds little", "admitted")
		first.want(t, "who came first and holds much", "waits")
		much.Release(130)
		first.want(t, "who holds little now", "admitted")
		if b.Held(Producing) != 310+20+80 {
			t.Errorf("%d are held", b.Held(Producing))
		}
	})
}

// TestALargeRequestDoesNotStarve has small ones come all the time: when its connection holds nothing, the large one is next.
func TestALargeRequestDoesNotStarve(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := New(800)
		small, large := b.Account(Producing), b.Account(Producing)
		acquireOf(small, 200).want(t, "the small one", "admitted")
		acquireOf(large, 100).want(t, "the large one", "admitted")
		waits := acquireOf(large, 500)
		waits.want(t, "the large one", "waits")
		large.Release(100)
		waits.want(t, "the large one, which holds nothing", "waits")
		acquireOf(small, 1).want(t, "a small one behind it", "waits")
		small.Release(200)
		waits.want(t, "the large one", "admitted")
	})
}

func TestWhoGivesUpHoldsNothingOfIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := New(800)
		b.Charge(Producing, 600)
		a := b.Account(Producing)
		r := acquireOf(a, 100)
		r.giveUp()
		r.want(t, "the request", "given up")
		if a.held != 0 || a.waits != nil || b.Held(Producing) != 600 {
			t.Errorf("the account holds %d, all hold %d", a.held, b.Held(Producing))
		}
	})
}

func TestAnAccountReleasesNoMoreThanItHolds(t *testing.T) {
	b := New(800)
	b.Charge(Producing, 100)
	a := b.Account(Producing)
	if !a.TryAcquire(50) {
		t.Fatal("there is no room")
	}
	defer func() {
		if recover() == nil {
			t.Error("it did")
		}
	}()
	a.Release(51)
}
