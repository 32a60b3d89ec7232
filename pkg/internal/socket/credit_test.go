package socket

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"
)

func TestCredit(t *testing.T) {
	for name, test := range map[string]struct {
		begin  int64
		grants []int64
		take   int
		want   int64
	}{
		"none":               {0, nil, 0, 0},
		"the first":          {5, nil, 3, 2},
		"granted":            {0, []int64{1, 4}, 5, 0},
		"up to the bound":    {math.MaxInt64 - 1, []int64{1}, 0, math.MaxInt64},
		"beyond the bound":   {1, []int64{math.MaxInt64}, 0, math.MaxInt64},
		"far beyond":         {math.MaxInt64, []int64{math.MaxInt64, math.MaxInt64}, 0, math.MaxInt64},
		"used at the bound":  {math.MaxInt64, nil, 5, math.MaxInt64 - 5},
		"a bound that fills": {math.MaxInt64 - 5, []int64{3, 3}, 1, math.MaxInt64 - 1},
	} {
		t.Run(name, func(t *testing.T) {
			c := NewCredit(test.begin)
			for _, n := range test.grants {
				c.grant(n)
			}
			if got := c.of(test.take); got != test.take {
				t.Fatalf("%d of %d may be sent", got, test.take)
			}
			c.take(test.take)
			if got := c.left.Load(); got != test.want {
				t.Errorf("%d is left, want %d", got, test.want)
			}
		})
	}
}

func TestNoCreditIsNoLimit(t *testing.T) {
	var c *Credit
	n, err := c.await(t.Context(), math.MaxInt)
	c.take(n)
	c.giveBack()
	if n != math.MaxInt || err != nil || c.of(7) != 7 {
		t.Errorf("got %d, %v, then %d of 7", n, err, c.of(7))
	}
}

func TestWaitingForCredit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, began := NewCredit(0), time.Now()
		for after, n := range map[time.Duration]int64{time.Second: 2, time.Minute: 5} {
			time.AfterFunc(after, func() { c.grant(n) })
		}
		for _, want := range []struct {
			took time.Duration
			n    int
		}{{time.Second, 2}, {time.Minute, 4}} {
			n, err := c.await(t.Context(), 4)
			if n != want.n || err != nil {
				t.Errorf("got %d, %v, want %d", n, err, want.n)
			}
			wantElapsed(t, began, want.took, 0)
			c.take(n)
		}
		c.take(c.of(4))
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		if n, err := c.await(ctx, 4); n != 0 || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %d, %v", n, err)
		}
	})
}

// TestCreditIsNeitherLostNorMadeUp takes beside many that grant.
func TestCreditIsNeitherLostNorMadeUp(t *testing.T) {
	const granters, grants = 8, 5000
	c := NewCredit(0)
	sums := make(chan int64, granters)
	for seed := range uint64(granters) {
		go func() {
			random, sum := rand.New(rand.NewPCG(seed, 1)), int64(0)
			for range grants {
				n := random.Int64N(4)
				c.grant(n)
				sum += n
			}
			sums <- sum
		}()
	}
	ctx, cancel := context.WithCancel(t.Context())
	taken := make(chan int64)
	go func() {
		random, sum := rand.New(rand.NewPCG(1, 2)), int64(0)
		for {
			n, err := c.await(ctx, 1+random.IntN(10))
			if err != nil {
				taken <- sum
				return
			}
			c.take(n)
			if sum += int64(n); random.IntN(3) == 0 {
				c.giveBack()
				sum--
			}
		}
	}()
	granted := int64(0)
	for range granters {
		granted += <-sums
	}
	cancel()
	if got := <-taken + c.left.Load(); got != granted {
		t.Errorf("%d were taken or are left of %d", got, granted)
	}
}
