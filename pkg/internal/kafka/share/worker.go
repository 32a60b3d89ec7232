package share

import (
	"context"
	"errors"
	"math"
	"slices"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/budget"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/limit"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// maxUntaken is how many results of calls may wait to be taken: Settle waits for more.
const maxUntaken = 4096

var errWorkerClosed = errors.New("the worker is closed")

// keptEvents is for how many events an idle worker keeps memory.
const keptEvents = 16

// Worker takes records of a share group and settles them: it is the Kafka side of one connection. One goroutine may take
// while another one settles, and Close may be called at any time.
type Worker struct {
	window int
	rate   *limit.Rate
	leave  func(*Worker) // tells the member that the worker is closed
	signal chan struct{} // there may be something to take
	space  chan struct{} // results were taken
	done   chan struct{} // closed when nothing is held after Close

	// Set when the worker is added, and guarded by ledger.mu from then on.
	ledger   *ledger
	topic    *topic
	ranked   int    // index in the rank of the topic, -1 if it is not there
	dealt    uint64 // number of the deal of its last record
	holds    int    // records that it holds
	promised int    // those of them whose places are free when a request that is being made has succeeded
	credit   int    // records that the rate allows now
	limited  limited
	newest   *hold // of its list of holds
	leaving  int   // records that were given back with Close and are not over
	closed   bool
	err      error // why it is of no use
	events   []event
	passed   passed
	calls    []*call // that have no results yet, in their order
	untaken  int     // results that are not taken
	lapsed   lapsed
	noted    time.Time // when it was told last why nothing comes
}

// event is something that waits to be taken.
type event struct {
	hold     *hold // of the delivery
	bytes    int64 // that the delivery is charged with
	delivery proxy.Delivery
	expired  proxy.Position
	settled  *proxy.Settlement
	notice   *proxy.Error
}

func newWorker(window int, rate *limit.Rate, leave func(*Worker)) *Worker {
	return &Worker{
		window: window, rate: rate, leave: leave, ranked: -1, lapsed: lapsed{most: window},
		signal: make(chan struct{}, 1), space: make(chan struct{}, 1), done: make(chan struct{}),
	}
}

// Take waits for what happens to the worker, and returns it in the order in which it has happened: a record that is delivered again
// comes after its earlier delivery has expired, unless the worker has given an acknowledgement on that. Each call of Settle and Renew
// causes one settlement, in the order of the calls. A record that expires while it is being renewed is told as expired,
// and in the settlement.
//
// The worker holds a record that is returned from its Deliver on. What is returned is the caller's. The error is ctx's, or
// one for the client, after which the worker is of no use and must be closed: Topic.End if the topic has ended, and the
// reason why the group's member cannot go on.
func (w *Worker) Take(ctx context.Context) (proxy.QueueEvent, error) {
	for {
		if e, ok, err := w.next(); ok || err != nil {
			return e, err
		}
		select {
		case <-w.signal:
		case <-ctx.Done():
			return proxy.QueueEvent{}, ctx.Err()
		}
	}
}

// next returns what there is to take. Deliveries that follow each other are taken together, and so are expired
// records.
func (w *Worker) next() (e proxy.QueueEvent, ok bool, err error) {
	w.ledger.mu.Lock()
	defer w.ledger.mu.Unlock()
	switch {
	case w.err != nil:
		return e, false, w.err
	case w.closed:
		return e, false, errWorkerClosed
	}
	n := 0
	for ; n < len(w.events) && w.events[n].joins(&e); n++ {
		w.take(&w.events[n], &e)
	}
	w.events = append(w.events[:0], w.events[n:]...)
	clear(w.events[len(w.events):cap(w.events)])
	if len(w.events) == 0 && cap(w.events) > keptEvents {
		w.events = nil
	}
	return e, e.Deliveries != nil || e.Expired != nil || e.Settlement != nil || e.Notice != nil, nil
}

// joins tells whether an event may be taken together with those before it.
func (one *event) joins(e *proxy.QueueEvent) bool {
	switch {
	case e.Settlement != nil || e.Notice != nil:
		return false
	case one.settled != nil || one.notice != nil:
		return e.Deliveries == nil && e.Expired == nil
	case one.hold != nil:
		return e.Expired == nil
	default:
		return e.Deliveries == nil
	}
}

// take adds an event to those that are returned. A delivery that has expired meanwhile is left out.
func (w *Worker) take(one *event, e *proxy.QueueEvent) {
	w.ledger.budget.Release(budget.Consuming, one.bytes)
	switch {
	case one.settled != nil:
		e.Settlement = one.settled
		w.untaken -= len(one.settled.Results)
		notify(w.space)
	case one.notice != nil:
		e.Notice = one.notice
	case one.hold == nil:
		e.Expired = append(e.Expired, one.expired)
	case !one.hold.over:
		w.passed.add(one.hold)
		e.Deliveries = append(e.Deliveries, one.delivery)
	}
}

// Deliver is called for each record that Take has returned, in their order, right before it is sent. From then on the worker holds
// it. Before, an acknowledgement by its position is about an earlier delivery of the record, which the worker has lost: the result is that
// of a record that it does not hold. Deliver returns false where the record is not to be sent, since its lock has ended meanwhile or
// it was given back.
func (w *Worker) Deliver() bool {
	w.ledger.mu.Lock()
	defer w.ledger.mu.Unlock()
	h := w.passed.next()
	if h == nil || h.over || h.worker != w {
		return false
	}
	h.taken = true
	w.lapsed.forget(h)
	return true
}

func notify(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// Renew has the locks of records begin anew. Otherwise it is like Settle.
func (w *Worker) Renew(ctx context.Context, records []proxy.Position) error {
	return w.Settle(ctx, proxy.Renew, records)
}

// Held returns how many records the worker holds, those included that wait to be taken.
func (w *Worker) Held() int {
	w.ledger.mu.Lock()
	defer w.ledger.mu.Unlock()
	return w.holds
}

// Finish has the worker be given no further records, and gives back those that were not delivered. What it holds it holds as before.
func (w *Worker) Finish() {
	l := w.ledger
	l.mu.Lock()
	defer l.mu.Unlock()
	w.window = 0
	l.rerank(w)
	for h := w.passed.next(); h != nil; h = w.passed.next() {
		w.giveBack(h)
	}
	w.events = slices.DeleteFunc(w.events, func(one event) bool {
		if one.hold == nil {
			return false
		}
		l.budget.Release(budget.Consuming, one.bytes)
		w.giveBack(one.hold)
		return true
	})
}

// Close releases what the worker holds at once. Acknowledgements that were given before are still sent. It returns when Kafka has
// answered, or when ctx ends: then the rest is done without the caller. Further calls wait likewise.
func (w *Worker) Close(ctx context.Context) {
	w.ledger.remove(w)
	w.leave(w)
	select {
	case <-w.done:
	case <-ctx.Done():
	}
}

// The rest is called while ledger.mu is held.

// giveBack gives back a record that was not delivered, unless it is lost.
func (w *Worker) giveBack(h *hold) {
	if !h.over && h.worker == w {
		w.forget(h)
		w.ledger.giveBack(h)
	}
}

// push adds something to take.
func (w *Worker) push(e event) {
	if w.closed || w.err != nil {
		return
	}
	w.ledger.budget.Charge(budget.Consuming, e.bytes)
	w.events = append(w.events, e)
	notify(w.signal)
}

// answered is called when a call has all of its results. They are returned in the order of the calls.
func (w *Worker) answered() {
	n := 0
	for ; n < len(w.calls) && w.calls[n].open == 0; n++ {
		w.push(event{settled: w.calls[n].settlement})
	}
	w.calls = append(w.calls[:0], w.calls[n:]...)
	clear(w.calls[len(w.calls):cap(w.calls)])
}

// remember adds a hold to the worker's.
func (w *Worker) remember(h *hold) {
	h.worker, h.older = w, w.newest
	if w.newest != nil {
		w.newest.newer = h
	}
	w.newest = h
	w.holds++
}

// forget removes a hold from the worker's.
func (w *Worker) forget(h *hold) {
	if h.newer != nil {
		h.newer.older = h.older
	} else {
		w.newest = h.older
	}
	if h.older != nil {
		h.older.newer = h.newer
	}
	h.older, h.newer = nil, nil
	w.holds--
}

// given is called when a record that was given back is over.
func (w *Worker) given() {
	w.leaving--
	if w.leaving == 0 {
		close(w.done)
	}
}

// allowance returns how many records the rate allowed when it was last asked.
func (w *Worker) allowance() int {
	if w.rate == nil {
		return math.MaxInt
	}
	return w.credit
}

// refill asks the rate how many records it allows, and in how long it allows one if it allows none.
func (w *Worker) refill(now time.Time) (wait time.Duration) {
	if waited := w.limited.end(now); waited > 0 {
		w.ledger.observer.Throttled(waited)
	}
	w.credit, wait = w.rate.Available(now)
	if wait > 0 && w.window > w.holds {
		w.limited = limited{since: now, until: now.Add(wait)}
	}
	return wait
}

// limited is a time in which the rate allows a worker no record that has room for one; zero if there is none.
type limited struct{ since, until time.Time }

// end ends it, and returns how long it has lasted.
func (l *limited) end(now time.Time) (waited time.Duration) {
	if now.After(l.until) {
		now = l.until
	}
	waited = now.Sub(l.since)
	*l = limited{}
	return waited
}

// spend counts a record against the rate.
func (w *Worker) spend(now time.Time) {
	if w.rate != nil {
		w.rate.Spend(now, 1)
		w.credit--
	}
}
