package loadclient

import (
	"math/bits"
	"time"
)

const (
	exactBits = 6 // durations of so many bits and one more have a bucket for each value
	perPower  = 1 << exactBits
	buckets   = (64 - exactBits) * perPower
)

// histogram counts durations, in buckets that are at most 1/64 of what they hold wide. The zero value is empty.
type histogram struct {
	counts    [buckets]uint64
	total     uint64
	sum, most time.Duration
}

func (h *histogram) add(d time.Duration) {
	d = max(0, d) // a clock that was set back
	h.counts[bucketOf(d)]++
	h.total++
	h.sum += d
	h.most = max(h.most, d)
}

func bucketOf(d time.Duration) int {
	power := max(0, bits.Len64(uint64(d))-exactBits-1)
	return power*perPower + int(uint64(d)>>power)
}

// topOf is the longest duration that a bucket holds.
func topOf(bucket int) time.Duration {
	power := max(0, bucket/perPower-1)
	return time.Duration(uint64(bucket-power*perPower+1)<<power) - 1
}

// quantile returns the duration that a share of all do not exceed, rounded up to its bucket's end; 0 without any.
func (h *histogram) quantile(share float64) time.Duration {
	wanted := uint64(share * float64(h.total))
	var seen uint64
	for bucket, n := range &h.counts {
		if seen += n; n > 0 && seen >= wanted {
			return min(topOf(bucket), h.most)
		}
	}
	return 0
}

// Summary is what is told of some durations.
type Summary struct {
	Count               uint64
	Mean, P50, P99, Max time.Duration
}

func (h *histogram) summary() Summary {
	if h.total == 0 {
		return Summary{}
	}
	mean := h.sum / time.Duration(h.total)
	return Summary{Count: h.total, Mean: mean, P50: h.quantile(0.5), P99: h.quantile(0.99), Max: h.most}
}
