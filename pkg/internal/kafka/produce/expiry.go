package produce

import (
	"context"
	"sync/atomic"
	"time"
)

// generationsPerExpiry is how many contexts are alive at a time, about.
const generationsPerExpiry = 8

// Expiry hands out the contexts by which franz-go gives records up. Its own
// RecordDeliveryTimeout counts from a record's timestamp, which clients pin as they like: with
// one of yesterday a record, and all that wait behind it, would be given up unsent.
type Expiry struct {
	parent context.Context //nolint:containedctx // of all generations
	after  time.Duration
	latest atomic.Pointer[Generation]
}

// Generation is what records that came at about the same time share.
type Generation struct {
	Free   context.Context // of records whose partition is to be chosen
	pinned context.Context // of the others, see partitioner.go
	renew  time.Time
}

// NewExpiry returns an expiry of records at the given age, at the earliest. Those that are
// left end with parent.
func NewExpiry(parent context.Context, after time.Duration) *Expiry {
	return &Expiry{parent: parent, after: after}
}

// Of returns the generation of a record that comes now.
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
