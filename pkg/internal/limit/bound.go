package limit

import "sync/atomic"

// Bound is an upper limit, such as that of records at a time. A nil *Bound has no limit. It is safe for
// concurrent use.
type Bound struct{ most atomic.Int64 }

// NewBound returns a Bound of most. Zero or less is no bound.
func NewBound(most int) *Bound {
	b := new(Bound)
	b.Set(most)
	return b
}

// Set changes the bound. b must not be nil.
func (b *Bound) Set(most int) { b.most.Store(int64(most)) }

// Of returns n, or the bound where that is lower.
func (b *Bound) Of(n int) int {
	if b == nil {
		return n
	}
	if most := b.most.Load(); most > 0 {
		return min(n, int(most))
	}
	return n
}
