package kafka

import (
	"context"
	"sync/atomic"
	"time"
)

// generationsPerExpiry is how many contexts are alive at a time, about.
const generationsPerExpiry = 8

// expiry hands out the contexts by which franz-go gives records up. Its own
// RecordDeliveryTimeout counts from a record's timestamp, which clients pin as they like: with
// one of yesterday a record, and all that wait behind it, would be given up unsent.
type expiry struct {
	parent context.Context //nolint:containedctx // of all generations
	after  time.Duration
	latest atomic.Pointer[generation]
}

// generation is what records that came at about the same time share.
type generation struct {
	free   context.Context // of records whose partition is to be chosen
	pinned context.Context // of the others, see partitioner.go
	renew  time.Time
}

// newExpiry returns an expiry of records at the given age, at the earliest. Those that are
// left end with parent.
func newExpiry(parent context.Context, after time.Duration) *expiry {
	return &expiry{parent: parent, after: after}
}

// of returns the generation of a record that comes now.
func (e *expiry) of(now time.Time) *generation {
	g := e.latest.Load()
	if g != nil && now.Before(g.renew) {
		return g
	}
	span := e.after / generationsPerExpiry
	ctx, cancel := context.WithDeadline(e.parent, now.Add(e.after+span))
	context.AfterFunc(ctx, cancel)
	next := &generation{free: ctx, pinned: pinned{ctx}, renew: now.Add(span)}
	if !e.latest.CompareAndSwap(g, next) {
		cancel()
		return e.latest.Load()
	}
	return next
}
