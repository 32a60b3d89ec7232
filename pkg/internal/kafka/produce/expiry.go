package produce

import (
	"context"
	"sync/atomic"
	"time"
)

// generationsPerExpiry is approximately how many contexts exist at a time.
const generationsPerExpiry = 8

// Expiry provides the contexts after whose end franz-go fails records. Its own RecordDeliveryTimeout
// counts from a record's timestamp, which clients set freely: with a timestamp of yesterday, a record
// and all records behind it would fail without having been sent.
type Expiry struct {
	parent context.Context //nolint:containedctx // of all generations
	after  time.Duration
	latest atomic.Pointer[Generation]
}

// Generation is shared by the records that arrived at about the same time.
type Generation struct {
	Free   context.Context // of records whose partition is not chosen yet
	pinned context.Context // of the others, see partitioner.go
	renew  time.Time
}

// NewExpiry returns an expiry that ends records at the given age, at the earliest. Those that are left
// end with parent.
func NewExpiry(parent context.Context, after time.Duration) *Expiry {
	return &Expiry{parent: parent, after: after}
}

// Of returns the generation of a record that arrives now.
func (e *Expiry) Of(now time.Time) *Generation {
	g := e.latest.Load()
	if g != nil && now.Before(g.renew) {
		return g
	}
	span := e.after / generationsPerExpiry
	ctx, cancel := context.WithDeadline(e.parent, now.Add(e.after+span))
	context.AfterFunc(ctx, cancel)
	next := &Generation{Free: ctx, pinned: pinned{ctx}, renew: now.Add(span)}
	if !e.latest.CompareAndSwap(g, next) {
		cancel()
		return e.latest.Load()
	}
	return next
}
