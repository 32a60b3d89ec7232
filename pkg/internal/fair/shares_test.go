package fair_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/fair"
)

// takeAll takes places for a key until there are no more for it.
func takeAll(s *fair.Shares, key string) (n int) {
	for s.TryTake(key) {
		n++
	}
	return n
}

func TestSharesLeavePlacesToOthers(t *testing.T) {
	for _, test := range []struct {
		name   string
		places int
		keys   []string
		want   []int
	}{
		{"one place", 1, []string{"a", "b"}, []int{1, 0}},
		{"two places", 2, []string{"a", "b", "c"}, []int{1, 1, 0}},
		{"one key after another", 256, []string{"a", "b", "c"}, []int{128, 64, 32}},
		{"the proxy itself", 4, []string{""}, []int{4}},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := fair.NewShares(test.places, 0)
			for i, key := range test.keys {
				if got := takeAll(s, key); got != test.want[i] {
					t.Errorf("%q gets %d places, want %d", key, got, test.want[i])
				}
			}
		})
	}
	free := fair.NewShares(0, 0)
	for range 1000 {
		if !free.TryTake("a") {
			t.Fatal("there is a limit without a number")
		}
	}
}

// TestSharesServeInTurns makes many waiters of one key, and one of each of some others.
func TestSharesServeInTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := fair.NewShares(1, 100)
		if !s.TryTake("busy") {
			t.Fatal("no place")
		}
		var mu sync.Mutex
		var order []string
		var all sync.WaitGroup
		wait := func(key string) {
			all.Go(func() {
				if err := s.Take(t.Context(), key); err != nil {
					t.Error(err)
				}
				mu.Lock()
				order = append(order, key)
				mu.Unlock()
				time.Sleep(time.Second)
				s.Give(key)
			})
			synctest.Wait()
		}
		for _, key := range []string{"a", "a", "a", "b", "c"} {
			wait(key)
		}
		s.Give("busy")
		all.Wait()
		if got, want := fmt.Sprint(order), "[a b c a a]"; got != want {
			t.Errorf("they were served as %v, want %v", got, want)
		}
	})
}

// TestSharesMakeRoomInTheQueue fills the queue by one key.
func TestSharesMakeRoomInTheQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := fair.NewShares(1, 4)
		if !s.TryTake("a") {
			t.Fatal("no place")
		}
		crowded, served := make(chan error, 10), make(chan error, 10)
		ctx, stop := context.WithCancel(t.Context())
		for range 4 {
			go func() { crowded <- s.Take(ctx, "a") }()
		}
		synctest.Wait()
		if err := s.Take(ctx, "a"); !errors.Is(err, fair.ErrCrowded) {
			t.Errorf("one too many gets %v", err)
		}
		go func() { served <- s.Take(t.Context(), "b") }()
		synctest.Wait()
		if err := <-crowded; !errors.Is(err, fair.ErrCrowded) {
			t.Errorf("who made room gets %v", err)
		}
		stop()
		for range 3 {
			if err := <-crowded; !errors.Is(err, context.Canceled) {
				t.Errorf("who gave up gets %v", err)
			}
		}
		s.Give("a")
		if err := <-served; err != nil {
			t.Error(err)
		}
		s.Give("b")
		if s.Taken() != 0 {
			t.Errorf("%d are taken", s.Taken())
		}
	})
}

// TestSharesUnderLoad checks that never more places are taken than there are, and none in the end.
func TestSharesUnderLoad(t *testing.T) {
	const places = 5
	s := fair.NewShares(places, 1000)
	var all sync.WaitGroup
	for i := range 40 {
		key := fmt.Sprint(i % 7)
		all.Go(func() {
			for range 100 {
				ctx, cancel := context.WithTimeout(t.Context(), time.Duration(rand.IntN(1000))*time.Microsecond)
				if s.Take(ctx, key) == nil {
					if n := s.Taken(); n < 1 || n > places {
						t.Errorf("%d are taken", n)
					}
					s.Give(key)
				}
				cancel()
			}
		})
	}
	all.Wait()
	if s.Taken() != 0 {
		t.Errorf("%d are taken at the end", s.Taken())
	}
}

func TestBudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := fair.NewBudget(3, time.Second)
		for n := range 3 {
			if b.Exhausted("a") {
				t.Errorf("it is exhausted after %d", n)
			}
			b.Fail("a")
		}
		if !b.Exhausted("a") || b.Exhausted("b") {
			t.Error("it is not exhausted, or another one is")
		}
		time.Sleep(time.Second)
		if b.Exhausted("a") {
			t.Error("none has come back")
		}
		for range 100 { // at once
			b.Fail("a")
		}
		time.Sleep(5 * time.Second)
		if b.Exhausted("a") {
			t.Error("it owes more than an account holds")
		}
	})
}

// TestBudgetsAndMemoriesAreBounded uses more keys than are kept.
func TestBudgetsAndMemoriesAreBounded(t *testing.T) {
	b, r := fair.NewBudget(1, time.Hour), fair.NewRecent[int](time.Hour)
	for i := range 50_000 {
		b.Fail(fmt.Sprint(i))
		r.Add(i)
	}
	if !b.Exhausted("49999") || !r.Has(49999) {
		t.Error("the newest is forgotten")
	}
	known := 0
	for i := range 50_000 {
		if r.Has(i) {
			known++
		}
	}
	if known > 8192 {
		t.Errorf("%d are remembered", known)
	}
	r.Remove(49999)
	if r.Has(49999) {
		t.Error("what was removed is remembered")
	}
}

func TestAddress(t *testing.T) {
	for remote, want := range map[string]string{
		"192.0.2.1:1": "192.0.2.1", "192.0.2.1": "192.0.2.1", "[::ffff:192.0.2.1]:1": "192.0.2.1",
		"[2001:db8::1]:1": "2001:db8::/64", "2001:db8::ffff:1": "2001:db8::/64", "[fe80::1%eth0]:1": "fe80::/64", "pipe": "pipe",
	} {
		if got := fair.Address(remote); got != want {
			t.Errorf("%s counts as %s, want %s", remote, got, want)
		}
	}
	if got := fair.AddressIn(fair.WithAddress(t.Context(), "a")); got != "a" || fair.AddressIn(t.Context()) != "" {
		t.Errorf("the context carries %q", got)
	}
}
