package limit

import (
	"testing"
	"time"
)

// TestAvailable spends what a Rate has at moments of a second.
func TestAvailable(t *testing.T) {
	for name, test := range map[string]struct {
		perSecond int
		most      int // messages within the first second
	}{
		"one":    {1, 2},
		"ten":    {10, 11},
		"fifty":  {50, 55},
		"many":   {1000, 1100},
		"a nil":  {-1, 1 << 40},
		"no one": {0, 1 << 40},
	} {
		t.Run(name, func(t *testing.T) {
			var r *Rate
			if test.perSecond >= 0 {
				r = NewRate(test.perSecond)
			}
			now := time.Now()
			end, sent := now.Add(time.Second), 0
			for now.Before(end) && sent < 1<<20 {
				n, wait := r.Available(now)
				n = min(n, 1<<20)
				r.Spend(now, n)
				sent += n
				now = now.Add(max(wait, time.Millisecond))
			}
			if sent > test.most || sent < test.perSecond*9/10 {
				t.Errorf("%d messages in a second, at most %d are allowed", sent, test.most)
			}
		})
	}
}
