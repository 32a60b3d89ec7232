package server

import (
	"container/heap"
	"container/list"
	"time"
)

// use is the state of a connection, the least useful first: the limiter replaces connections in this
// order.
type use int

const (
	idle   use = iota // between two requests
	fresh             // has sent no request yet
	active            // has a request in progress, or an answer that it does not read
	busy              // waits for the proxy, and is never replaced
)

// grace is how long a connection stays in a state before one of an address with as many connections may
// replace it.
func (u use) grace() time.Duration {
	switch u {
	case fresh:
		return time.Second
	case active:
		return 2 * time.Second
	default:
		return 0
	}
}

// place is the position of a connection in the queues.
type place struct {
	use           use
	since         time.Time
	inAll, inPeer *list.Element
}

// queues hold the connections by their state, those that have been in it the longest first.
type queues [busy]list.List

// put appends a connection to the queue of its state, which must be set.
func (q *queues) put(t *tracked, at **list.Element) {
	if t.place.use < busy {
		*at = q[t.place.use].PushBack(t)
	}
}

// take removes a connection that is in these queues.
func (q *queues) take(t *tracked) {
	for _, e := range []*list.Element{t.place.inAll, t.place.inPeer} {
		if e != nil {
			q[t.place.use].Remove(e) // does nothing to an element of another list
		}
	}
}

// longest returns the connection that is to be replaced first, or nil. If graced, it skips connections
// whose grace is not over.
func (q *queues) longest(graced bool) *tracked {
	for u := range q {
		e := q[u].Front()
		if e == nil {
			continue
		}
		t := e.Value.(*tracked) //nolint:errcheck // nothing else is in it
		if !graced || time.Since(t.place.since) >= use(u).grace() {
			return t
		}
	}
	return nil
}

// peer is an address and its connections.
type peer struct {
	key    string
	count  int
	index  int // in the heap
	queues queues
}

// peers are the addresses that have connections.
type peers struct {
	byKey map[string]*peer
	heap  peerHeap
}

// join counts one more connection of an address.
func (p *peers) join(key string) *peer {
	one := p.byKey[key]
	if one == nil {
		one = &peer{key: key}
		p.byKey[key] = one
		heap.Push(&p.heap, one)
	}
	one.count++
	heap.Fix(&p.heap, one.index)
	return one
}

// leave counts one connection less of an address.
func (p *peers) leave(one *peer) {
	one.count--
	if one.count == 0 {
		heap.Remove(&p.heap, one.index)
		delete(p.byKey, one.key)
		return
	}
	heap.Fix(&p.heap, one.index)
}

// heaviest returns the address that has the most connections, nil where there are none.
func (p *peers) heaviest() *peer {
	if len(p.heap) == 0 {
		return nil
	}
	return p.heap[0]
}

// peerHeap implements heap.Interface. The address with the most connections is the first.
type peerHeap []*peer

// Len implements heap.Interface.
func (h *peerHeap) Len() int { return len(*h) }

// Less implements heap.Interface.
func (h *peerHeap) Less(i, j int) bool { return (*h)[i].count > (*h)[j].count }

// Swap implements heap.Interface.
func (h *peerHeap) Swap(i, j int) {
	(*h)[i], (*h)[j] = (*h)[j], (*h)[i]
	(*h)[i].index, (*h)[j].index = i, j
}

// Push implements heap.Interface.
func (h *peerHeap) Push(x any) {
	one := x.(*peer) //nolint:errcheck // nothing else is pushed
	one.index = len(*h)
	*h = append(*h, one)
}

// Pop implements heap.Interface.
func (h *peerHeap) Pop() any {
	last := (*h)[len(*h)-1]
	*h = (*h)[:len(*h)-1]
	return last
}
