package cli

import (
	"math"
	"testing"
	"time"
)

// TestADurationIsInABucketThatIsNarrow holds for all durations that there are.
func TestADurationIsInABucketThatIsNarrow(t *testing.T) {
	for d := time.Duration(0); d >= 0 && d < math.MaxInt64/3; d = d*9/8 + 1 {
		bucket := bucketOf(d)
		if most := mostOf(bucket); most < d || most > d+d/parts {
			t.Fatalf("%d is in bucket %d, up to %d", d, bucket, most)
		}
		if bucket > 0 && mostOf(bucket-1) >= d {
			t.Fatalf("%d is in bucket %d, and in the one before", d, bucket)
		}
	}
	if bucket := bucketOf(math.MaxInt64); bucket >= len(new(histogram).counts) {
		t.Errorf("the longest is in bucket %d", bucket)
	}
}

func TestPercentiles(t *testing.T) {
	h := new(histogram)
	if got := h.percentile(0.5); got != 0 {
		t.Errorf("of nothing: %v", got)
	}
	for i := range 1000 {
		h.add(time.Duration(i+1) * time.Millisecond)
	}
	for fraction, n := range map[float64]int{0.5: 500, 0.99: 990, 0.999: 999, 1: 1000} {
		want := time.Duration(n) * time.Millisecond
		if got := h.percentile(fraction); got < want || got > want+want/parts {
			t.Errorf("%v of them are within %v, want %v", fraction, got, want)
		}
	}
	if h.add(-time.Second); h.percentile(0) != 0 {
		t.Error("a clock that goes back is not borne")
	}
}

// TestARecordThatComesTwiceCountsOnce so that it does not stand for one that does not come.
func TestARecordThatComesTwiceCountsOnce(t *testing.T) {
	s := newSeenSet(100)
	for _, n := range []int{0, 64, 0, 99, 64, -1, 1000} {
		s.add(n)
	}
	if s.n != 3 {
		t.Errorf("%d were seen", s.n)
	}
}
