package limit_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/limit"
)

// slack is what rounding of token counts to nanoseconds may add up to in a test.
const slack = time.Millisecond

func near(t *testing.T, what string, got, want time.Duration) {
	t.Helper()
	if d := got - want; d < -slack || d > slack {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

// wait takes burst by burst until n messages have passed.
func wait(ctx context.Context, r *limit.Rate, n int) (throttled time.Duration, err error) {
	for n > 0 {
		taken, waited, err := r.Take(ctx, n)
		throttled += waited
		if err != nil {
			return throttled, err
		}
		n -= taken
	}
	return throttled, nil
}

func TestRateHoldsBackWhatExceedsTheBurst(t *testing.T) {
	for _, tc := range []struct {
		name      string
		perSecond int
		requests  []int
		want      []time.Duration // until each request has passed, from the start
	}{
		{"one a second", 1, []int{1, 1, 1}, []time.Duration{0, time.Second, 2 * time.Second}},
		{
			"below ten a second bursts are one message", 9,
			[]int{1, 1, 8},
			[]time.Duration{0, time.Second / 9, time.Second},
		},
		{
			"a tenth of a second passes at once", 100,
			[]int{10, 1},
			[]time.Duration{0, 10 * time.Millisecond},
		},
		{"more than a burst", 100, []int{110}, []time.Duration{time.Second}},
		{
			"more than a second's worth", 1000,
			[]int{100, 3000},
			[]time.Duration{0, 3 * time.Second},
		},
		{"nothing", 1, []int{0, 0, 1}, []time.Duration{0, 0, 0}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := limit.NewRate(tc.perSecond)
				start, total := time.Now(), time.Duration(0)
				for i, n := range tc.requests {
					throttled, err := wait(t.Context(), r, n)
					if err != nil {
						t.Fatal(err)
					}
					total += throttled
					near(t, "passed", time.Since(start), tc.want[i])
				}
				near(t, "throttled", total, time.Since(start))
			})
		})
	}
}

// TestRateIsSmooth checks the invariant over a long run: at no moment have more than
// r*t + burst messages passed, and in the long run not fewer than r*t.
func TestRateIsSmooth(t *testing.T) {
	const perSecond, burst = 250, 25
	synctest.Test(t, func(t *testing.T) {
		r := limit.NewRate(perSecond)
		start, passed := time.Now(), 0
		for time.Since(start) < time.Minute {
			if _, err := wait(t.Context(), r, 1); err != nil {
				t.Fatal(err)
			}
			passed++
			// One for the message that falls on the moment itself.
			if most := time.Since(start).Seconds()*perSecond + burst + 1; float64(passed) > most {
				t.Fatalf("%d messages passed in %v, at most %.1f may", passed, time.Since(start), most)
			}
		}
		if least := 60 * perSecond; passed < least {
			t.Errorf("%d messages passed in a minute, want at least %d", passed, least)
		}
	})
}

func TestRateSavesUpNoMoreThanABurst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := limit.NewRate(100)
		time.Sleep(time.Hour)
		throttled, err := wait(t.Context(), r, 20)
		if err != nil {
			t.Fatal(err)
		}
		near(t, "throttled", throttled, 100*time.Millisecond)
	})
}

func TestNoRate(t *testing.T) {
	lifted := limit.NewRate(5)
	lifted.SetRate(0)
	for _, tc := range []struct {
		name string
		rate *limit.Rate
	}{
		{"nil", nil}, {"zero", limit.NewRate(0)}, {"negative", limit.NewRate(-1)}, {"lifted", lifted},
	} {
		t.Run(tc.name, func(t *testing.T) {
			throttled, err := wait(t.Context(), tc.rate, 1_000_000)
			if throttled != 0 || err != nil {
				t.Errorf("got %v, %v, want no wait", throttled, err)
			}
		})
	}
}

func TestRateWaitEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := limit.NewRate(1)
		ctx, cancel := context.WithTimeout(t.Context(), 1500*time.Millisecond)
		defer cancel()
		throttled, err := wait(ctx, r, 10)
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error %v, want the context's", err)
		}
		near(t, "throttled", throttled, 1500*time.Millisecond)

		// The message that was given up is not charged: the next one passes at 2 s.
		throttled, err = wait(t.Context(), r, 1)
		if err != nil {
			t.Fatal(err)
		}
		near(t, "the next one throttled", throttled, 500*time.Millisecond)
	})
}

func TestSetRate(t *testing.T) {
	const change = 10*time.Second + 50*time.Millisecond
	for _, tc := range []struct {
		name          string
		before, after int
		n             int
		want          time.Duration // until n messages passed
	}{
		// The message that waits at the change was let through for 11 s.
		{"lifted", 1, 0, 1000, 11 * time.Second},
		{"raised", 1, 100, 12 + 10 + 100, 12 * time.Second},
		{"set", 0, 10, 1_000_000, 0},
		// The burst that waits at the change was let through for 10.1 s.
		{"lowered far", 1000, 1, 100 + 10_100 + 5, change + 5*time.Second},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := limit.NewRate(tc.before)
				start, passed := time.Now(), make(chan time.Duration, 1)
				go func() {
					if _, err := wait(t.Context(), r, tc.n); err != nil {
						t.Error(err)
					}
					passed <- time.Since(start)
				}()
				time.Sleep(change)
				r.SetRate(tc.after)
				near(t, "passed", <-passed, tc.want)
			})
		})
	}
}

func TestSetRateGrantsNoBurst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := limit.NewRate(100)
		for range 5 {
			r.SetRate(50)
			r.SetRate(100)
		}
		throttled, err := wait(t.Context(), r, 10)
		if err != nil {
			t.Fatal(err)
		}
		near(t, "throttled", throttled, 100*time.Millisecond)
	})
}

func TestSettingTheSameRateChangesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, perSecond := range []int{0, 1, 100, 2147483647} {
			r := limit.NewRate(perSecond)
			r.SetRate(perSecond)
			throttled, err := wait(t.Context(), r, max(1, min(perSecond/10, 1_000_000)))
			if err != nil || throttled != 0 || r.PerSecond() != perSecond {
				t.Errorf("%d a second: a burst waited %v, %v; the rate is %d", perSecond, throttled, err, r.PerSecond())
			}
		}
	})
}

func TestTakeIsAtMostABurst(t *testing.T) {
	for _, tc := range []struct {
		rate    *limit.Rate
		n, want int
	}{
		{nil, 1000, 1000},
		{limit.NewRate(0), 1000, 1000},
		{limit.NewRate(1), 1000, 1},
		{limit.NewRate(19), 1000, 1},
		{limit.NewRate(250), 1000, 25},
		{limit.NewRate(250), 24, 24},
		{limit.NewRate(250), 0, 0},
	} {
		got, throttled, err := tc.rate.Take(t.Context(), tc.n)
		if got != tc.want || throttled != 0 || err != nil {
			t.Errorf("%d of %d a second: got %d, %v, %v, want %d", tc.n, tc.rate.PerSecond(), got, throttled, err, tc.want)
		}
	}
}
