package share

import (
	"container/heap"
	"sync"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/budget"
)

// ledger is the bookkeeping of a member: who holds which record, and what Kafka has yet to be told. It knows no
// requests, and asks no clock: its users pass the time.
//
// What must hold while mu is free:
//
//   - a hold that is not over is in held of its partition, and in the list of its worker if it has one; a worker has
//     at most as many as its window
//   - a hold without a worker has an ask that settles it, at once or after a renewal
//   - each call has one result for each position, which is stored once
type ledger struct {
	observer Observer
	budget   *budget.Budget
	armed    chan struct{} // tells that another lock is the first to end

	mu         sync.Mutex // guards what follows, and the fields of workers, topics, sources, partitions and holds
	topics     map[[16]byte]*topic
	partitions map[partitionID]*partition
	expiries   expiries
	deals      uint64 // to workers
}

// topic is a topic instance of which workers want records.
type topic struct {
	id       [16]byte
	name     string
	workers  map[*Worker]struct{}
	rank     rank
	reserved int       // places for the records of fetches under way
	hungry   []*source // that wait for places, in their order
}

// source is a broker from which records are acquired.
type source struct {
	broker int32
	wake   func()                     // has its session look for something to do; it returns at once
	leads  map[partitionID]*partition // whose records are to be acquired
	asking map[*partition]struct{}    // that may have something to be told
	holds  int                        // acquired from it and not over
	busy   bool                       // a fetch is under way
}

func newLedger(o Observer, b *budget.Budget) *ledger {
	return &ledger{
		observer: o, budget: b, armed: make(chan struct{}, 1),
		topics: make(map[[16]byte]*topic), partitions: make(map[partitionID]*partition),
	}
}

func newSource(broker int32, wake func()) *source {
	return &source{broker: broker, wake: wake, leads: make(map[partitionID]*partition), asking: make(map[*partition]struct{})}
}

// add has a worker take part.
func (l *ledger) add(w *Worker, id [16]byte, name string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	t := l.topics[id]
	if t == nil {
		t = &topic{id: id, name: name, workers: make(map[*Worker]struct{})}
		l.topics[id] = t
	}
	w.ledger, w.topic, w.ranked = l, t, -1
	t.workers[w] = struct{}{}
	l.rerank(w)
	l.wakeAll(t)
}

// wakeAll has the sessions of a topic look whether there is room.
func (l *ledger) wakeAll(t *topic) {
	for id, p := range l.partitions {
		if id.topic == t.id && p.source != nil {
			p.source.wake()
		}
	}
}

// wakeHungry has the sources that wait for places look for them.
func (t *topic) wakeHungry() {
	for _, s := range t.hungry {
		s.wake()
	}
}

// rerank puts a worker into its rank, if it has room.
func (l *ledger) rerank(w *Worker) {
	hasRoom := !w.closed && w.err == nil && w.holds < w.window && w.allowance() > 0
	switch {
	case hasRoom && w.ranked < 0:
		heap.Push(&w.topic.rank, w)
	case hasRoom:
		heap.Fix(&w.topic.rank, w.ranked)
	case w.ranked >= 0:
		heap.Remove(&w.topic.rank, w.ranked)
	}
}

// hold notes a record that was acquired.
func (l *ledger) hold(h *hold) {
	p := h.partition
	p.held[h.offset] = h
	p.source.holds++
	heap.Push(&l.expiries, h)
	if l.expiries[0] == h {
		l.arm()
	}
	l.observer.Held(1)
}

func (l *ledger) arm() {
	select {
	case l.armed <- struct{}{}:
	default:
	}
}

// drop ends a hold.
func (l *ledger) drop(h *hold) {
	p := h.partition
	h.over = true
	delete(p.held, h.offset)
	p.source.holds--
	if h.expiry >= 0 {
		heap.Remove(&l.expiries, h.expiry)
	}
	l.observer.Held(-1)
	if w := h.worker; w != nil {
		w.forget(h)
		l.rerank(w)
		w.topic.wakeHungry()
	}
	if h.leaver != nil {
		h.leaver.given()
	}
}

// request notes what is to be told about a record.
func (l *ledger) request(h *hold, a ask) {
	h.ask = a
	p := h.partition
	p.waiting = append(p.waiting, h)
	p.source.asking[p] = struct{}{}
	p.source.wake()
}

// giveBack has a record released that no worker is to hold. An acknowledgement that settles it stays.
func (l *ledger) giveBack(h *hold) {
	h.worker = nil
	if h.ask.ack.settles() {
		return
	}
	last := h.next
	if !last.ack.settles() {
		last = ask{ack: release}
	}
	switch {
	case h.ask.ack == noAck:
		l.request(h, last)
	case h.sent:
		h.next = last
	default: // the renewal waits to be sent
		h.ask, h.next = last, ask{}
	}
}
