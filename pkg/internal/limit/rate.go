// Package limit slows a connection down: Rate to a number of messages per second, Window to a number of
// messages and bytes that are unanswered, Bound to so many records at a time. None drops anything: excess
// messages wait, and since it is the connection's reader that waits, TCP pushes back. A Rate and a Bound
// can be changed while they are in use.
//
// Invariants of a Window:
//
//   - what is held never exceeds the window's messages nor its bytes, except that one request
//     larger than the whole window is held alone, since it could never be admitted otherwise;
//   - the window holds the sum of what was acquired less what was released, which is never negative;
//   - a waiting Acquire returns as soon as its request fits, or when it is given up.
//
// Invariants of a Rate of r messages per second: in any stretch of t seconds at most r*t + max(1, r/10)
// messages are let through, and a caller that asks for more gets r a second.
package limit

import (
	"context"
	"fmt"
	"math"
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

// PerSecond returns the limit, 0 where there is none.
func (r *Rate) PerSecond() int {
	if r == nil {
		return 0
	}
	bucket := r.bucket.Load()
	if bucket == nil {
		return 0
	}
	return int(bucket.Limit())
}

// SetRate changes the limit. A Take in progress still gets what it waits for. It takes a new, empty
// bucket: in the old one a lower rate would have to pay off the burst that the higher rate lent. Where
// the limit is the same already, nothing happens. r must not be nil.
func (r *Rate) SetRate(perSecond int) {
	if r.PerSecond() == max(0, perSecond) {
		return
	}
	bucket := newBucket(perSecond)
	if bucket != nil {
		bucket.AllowN(time.Now(), bucket.Burst())
	}
	r.bucket.Store(bucket)
}

// Take blocks until messages may be sent, and returns how many: n, or the size of a burst if that is
// less. It also returns how long it waited. The error is ctx's, wrapped; no message may be sent then.
func (r *Rate) Take(ctx context.Context, n int) (taken int, throttled time.Duration, err error) {
	if r == nil || n <= 0 {
		return n, 0, nil
	}
	bucket := r.bucket.Load()
	if bucket == nil {
		return n, 0, nil
	}
	taken = min(n, bucket.Burst())
	throttled, err = await(ctx, bucket.ReserveN(time.Now(), taken))
	if err != nil {
		return 0, throttled, fmt.Errorf("wait for the rate limit: %w", err)
	}
	return taken, throttled, nil
}

// Available returns how many messages may be sent now, and in how long there will be one where there is none. Between
// it and Spend nobody else may take any.
func (r *Rate) Available(now time.Time) (n int, wait time.Duration) {
	if r == nil {
		return math.MaxInt, 0
	}
	bucket := r.bucket.Load()
	if bucket == nil {
		return math.MaxInt, 0
	}
	tokens := bucket.TokensAt(now)
	if tokens >= 1 {
		return int(tokens), 0
	}
	return 0, time.Duration((1 - tokens) / float64(bucket.Limit()) * float64(time.Second))
}

// Spend counts n messages that are sent now, which Available has returned or fewer.
func (r *Rate) Spend(now time.Time, n int) {
	if r == nil || n == 0 {
		return
	}
	if bucket := r.bucket.Load(); bucket != nil {
		bucket.AllowN(now, n)
	}
}

// await sleeps until the reserved tokens are available, and returns how long it slept.
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
