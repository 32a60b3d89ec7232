package budget

import (
	"cmp"
	"container/heap"
)

// waiter is an Acquire that waits.
type waiter struct {
	of       *Account
	bytes    int64
	turn     uint64        // lower is earlier, over all kinds
	at       int           // its place in the queue
	admitted chan struct{} // closed when it is
}

// queue is the waiters of a kind: whose account holds the least is the first, and of two that hold the same, who came
// earlier. It implements heap.Interface.
type queue []*waiter

// first returns the first waiter, or nil.
func (q *queue) first() *waiter {
	if len(*q) == 0 {
		return nil
	}
	return (*q)[0]
}

// moved gives a waiter its place again, whose account holds something else now.
func (q *queue) moved(w *waiter) { heap.Fix(q, w.at) }

// Len implements heap.Interface.
func (q *queue) Len() int { return len(*q) }

// Less implements heap.Interface.
func (q *queue) Less(i, j int) bool {
	one, other := (*q)[i], (*q)[j]
	return cmp.Or(cmp.Compare(one.of.held, other.of.held), cmp.Compare(one.turn, other.turn)) < 0
}

// Swap implements heap.Interface.
func (q *queue) Swap(i, j int) {
	all := *q
	all[i], all[j] = all[j], all[i]
	all[i].at, all[j].at = i, j
}

// Push implements heap.Interface.
func (q *queue) Push(x any) {
	w, _ := x.(*waiter) // nothing else is in it
	w.at = len(*q)
	*q = append(*q, w)
}

// Pop implements heap.Interface.
func (q *queue) Pop() any {
	last := len(*q) - 1
	w := (*q)[last]
	(*q)[last] = nil
	*q = (*q)[:last]
	return w
}
