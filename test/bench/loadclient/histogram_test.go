package loadclient

import (
	"math"
	"testing"
	"time"
)

func TestBucketsHoldWhatTheyShould(t *testing.T) {
	for _, d := range []time.Duration{0, 1, 63, 64, 127, 128, 129, 255, 256, 1000, 12345678, time.Hour, math.MaxInt64} {
		bucket := bucketOf(d)
		if bucket >= buckets {
			t.Fatalf("%d has the bucket %d of %d", d, bucket, buckets)
		}
		top := topOf(bucket)
		if top < d || float64(top-d) > float64(d)/perPower {
			t.Errorf("%d counts as %d", d, top)
		}
		if top < math.MaxInt64 && bucketOf(top+1) != bucket+1 {
			t.Errorf("%d is not in the bucket behind that of %d", top+1, d)
		}
	}
}

func TestSummary(t *testing.T) {
	for name, c := range map[string]struct {
		durations []time.Duration
		want      Summary
	}{
		"none":           {nil, Summary{}},
		"one":            {[]time.Duration{1_000_000}, Summary{1, 1_000_000, 1_000_000, 1_000_000, 1_000_000}},
		"small ones":     {[]time.Duration{1, 2, 3, 4}, Summary{4, 2, 2, 3, 4}},
		"before it came": {[]time.Duration{-5, 1}, Summary{2, 0, 0, 0, 1}},
	} {
		t.Run(name, func(t *testing.T) {
			var h histogram
			for _, d := range c.durations {
				h.add(d)
			}
			if got := h.summary(); got != c.want {
				t.Errorf("got %+v, want %+v", got, c.want)
			}
		})
	}
	t.Run("many", func(t *testing.T) {
		var h histogram
		for n := range 100_000 {
			h.add(time.Duration(n) * time.Microsecond)
		}
		s := h.summary()
		for want, got := range map[time.Duration]time.Duration{50 * time.Millisecond: s.P50, 99 * time.Millisecond: s.P99} {
			if got < want || got > want+want/perPower {
				t.Errorf("got %v, want %v", got, want)
			}
		}
	})
}
