// Package limit slows a connection down: Rate to a number of messages per second, Window to
// a number of messages and bytes that are unanswered. Neither drops anything: what is too
// much waits, and because the connection's reader is who waits, TCP pushes back.
//
// Invariants of a Window:
//
//   - what is held never exceeds the window's messages nor its bytes, except that one request
//     larger than the whole window is held alone, since it could never be admitted otherwise;
//   - what is held is the sum of what was acquired less what was released, and never
//     negative;
//   - a waiting Acquire returns as soon as its request fits, or when it is given up.
//
// Invariants of a Rate of r messages per second: in any stretch of t seconds at most
// r*t + max(1, r/10) messages are let through, and whoever asks for more gets r a second.
package limit

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"
)

// Rate limits messages per second with a token bucket. A nil *Rate limits nothing. It is
// safe for concurrent use.
type Rate struct {
	bucket atomic.Pointer[rate.Limiter] // nil: no limit
}

// NewRate returns a Rate of perSecond messages, with bursts of a tenth of a second's worth,
// at least one message. Zero or less is no limit.
func NewRate(perSecond int) *Rate {
	r := new(Rate)
	r.bucket.Store(newBucket(perSecond))
	return r
}

func newBucket(perSecond int) *rate.Limiter {
	if perSecond <= 0 {
		return nil
	}
	return rate.NewLimiter(rate.Limit(perSecond), max(1, perSecond/10))
}

// SetRate changes the limit, of a Wait that is under way from its next burst on. It takes a
// new, empty bucket: in the old one a lower rate would have to pay off the burst that the
// higher rate lent. r must not be nil.
func (r *Rate) SetRate(perSecond int) {
	bucket := newBucket(perSecond)
	if bucket != nil {
		bucket.AllowN(time.Now(), bucket.Burst())
	}
	r.bucket.Store(bucket)
}

// Wait blocks until n messages may pass, and returns how long it held them back. More than a
// burst is taken burst by burst, so that n has no upper limit. The error is ctx's, wrapped;
// what was let through before it is spent.
func (r *Rate) Wait(ctx context.Context, n int) (throttled time.Duration, err error) {
	if r == nil {
		return 0, nil
	}
	for n > 0 {
		bucket := r.bucket.Load()
		if bucket == nil {
			break
		}
		piece := min(n, bucket.Burst())
		n -= piece
		waited, err := await(ctx, bucket.ReserveN(time.Now(), piece))
		throttled += waited
		if err != nil {
			return throttled, fmt.Errorf("wait for the rate limit: %w", err)
		}
	}
	return throttled, nil
}

// await sleeps until what was taken may pass, and returns how long it slept.
func await(ctx context.Context, taken *rate.Reservation) (time.Duration, error) {
	delay := taken.Delay()
	if delay == 0 {
		return 0, nil
	}
	begun := time.Now()
	timer := time.NewTimer(delay)
	defer timer.Stop()
	select {
	case <-timer.C:
		return time.Since(begun), nil
	case <-ctx.Done():
		taken.Cancel()
		return time.Since(begun), ctx.Err()
	}
}
