package cli

import (
	"math"
	"math/bits"
	"sync"
	"time"
)

// parts is into how many buckets each power of two is divided: a percentile is at most 1/parts too high.
const parts = 32

// histogram counts durations in a fixed space, however many there are. It is safe for concurrent use.
type histogram struct {
	mu      sync.Mutex // guards what follows
	counts  [59 * parts]int64
	n       int64
	longest time.Duration
}

func (h *histogram) add(d time.Duration) {
	d = max(d, 0)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.counts[bucketOf(d)]++
	h.n++
	h.longest = max(h.longest, d)
}

// percentile returns the duration that a fraction of all do not exceed, 0 where there is none.
func (h *histogram) percentile(fraction float64) time.Duration {
	h.mu.Lock()
	defer h.mu.Unlock()
	rank := int64(math.Ceil(fraction * float64(h.n)))
	for i := range h.counts {
		if rank -= h.counts[i]; rank <= 0 && h.n > 0 {
			return min(mostOf(i), h.longest)
		}
	}
	return h.longest
}

func bucketOf(d time.Duration) int {
	if d < parts {
		return int(d)
	}
	shift := bits.Len64(uint64(d)) - bits.Len(parts)
	return shift*parts + int(d>>shift)
}

// mostOf returns the longest duration of a bucket.
func mostOf(bucket int) time.Duration {
	if bucket < 2*parts {
		return time.Duration(bucket)
	}
	shift := bucket/parts - 1
	return time.Duration(bucket%parts+parts+1)<<shift - 1
}
