package checker

import "github.com/wsproxy/kafka-websocket-proxy/test/faults/history"

// worker is one connection of a worker.
type worker struct {
	*connection
	queue  *queue
	window int
	holds  map[place]*holding // by the newest delivery on this connection
	asked  []*asking          // messages without an answer
}

func newWorker(conn *connection, q *queue, window int) *worker {
	return &worker{connection: conn, queue: q, window: window, holds: make(map[place]*holding)}
}

// holding is a delivery to a worker.
type holding struct {
	count   int
	until   int64 // when the lock ends; 0 once it was renewed, since the answer tells the end of the first lock alone
	pending int   // acknowledgements without an outcome
	isLost  bool  // the worker was told so
	isOver  bool  // settled
	unsure  bool  // whether it is held
}

// asking is a message of a worker.
type asking struct {
	id, verb string
	index    int   // of its first event
	at       int64 // in milliseconds since the epoch
	records  []*asked
}

// asked is a record in a message.
type asked struct {
	place
	holding *holding // nil if the worker held nothing
	later   *holding // the delivery that it has ended if it succeeds and holding had ended before; nil if no further one came meanwhile
	isKnown bool     // what became of it
}

// held returns how many records the worker holds for sure. What is acknowledged may be settled: workers are told in the order of
// their messages.
func (w *worker) held() (n int) {
	for _, h := range w.holds {
		if !h.unsure && h.pending == 0 {
			n++
		}
	}
	return n
}

// drop ends a delivery, unless another one of the record has come since.
func (w *worker) drop(at place, h *holding) {
	if w.holds[at] == h {
		delete(w.holds, at)
	}
}

// meantBy returns the record that an event of a worker names, which is of the instance whose records the worker is given.
func (c *queues) meantBy(e *history.Event, w *worker) place {
	if w.instance >= 0 {
		return place{slot{w.instance, e.Partition}, e.Offset}
	}
	at, _ := c.find(e.Partition, e.Offset, func(*Record) bool { return true })
	return at
}

// acknowledge takes a record of a message.
func (c *queues) acknowledge(index int, e *history.Event, w *worker) {
	at := c.meantBy(e, w)
	if n := len(w.asked); n == 0 || w.asked[n-1].id != e.ID {
		w.asked = append(w.asked, &asking{id: e.ID, verb: e.Code, index: index, at: e.At.UnixMilli()})
	}
	h := w.holds[at]
	if h != nil {
		h.pending++
	}
	m := w.asked[len(w.asked)-1]
	m.records = append(m.records, &asked{place: at, holding: h})
	r := w.queue.at(at)
	r.asked[e.Code]++
	if isFinal(e.Code) {
		r.final++
	}
}

// outcome takes what became of a record of the first message without an answer.
func (c *queues) outcome(e *history.Event, w *worker) {
	at := c.meantBy(e, w)
	m, a := w.first(at)
	if a == nil {
		c.violated(Unasked, e, "a worker is told about %s, which its message is not about", at)
		return
	}
	a.isKnown = true
	h := a.holding
	if h != nil {
		h.pending--
	}
	if e.Kind != history.QueueFailed && a.later != nil && !h.isOpen(m) {
		h = a.later
	}
	h = w.meant(e, m, at, h)
	switch {
	case e.Kind == history.QueueFailed:
		c.failed(e, w, m, at, h)
	case (e.Kind == history.QueueRenewed) != (m.verb == renew):
		c.violated(Mismatch, e, "%s is not the outcome of %s for %s", kindName(e), m.verb, at)
	default:
		c.done(e, w, m, at, h)
	}
}

// meant returns the delivery that an outcome is about. Ids do not tell deliveries apart: a message may be about a later one than
// that which the worker had read, if the record was on its way to the worker again.
func (w *worker) meant(e *history.Event, m *asking, at place, h *holding) *holding {
	now := w.holds[at]
	if now == nil || now == h {
		return h
	}
	if e.Kind != history.QueueFailed && !h.isOpen(m) {
		return now
	}
	now.unsure = true
	return h
}

// isPast tells whether the lock had ended before a message was sent.
func (h *holding) isPast(m *asking) bool { return h.until > 0 && m.at > h.until }

// isCertain tells whether a worker held a delivery for sure when it sent a message. A lock that ends is not told while the connection is
// closed.
func (h *holding) isCertain(m *asking) bool { return h.isOpen(m) && !h.unsure }

// isOpen tells whether a delivery had no end that is known when a worker sent a message.
func (h *holding) isOpen(m *asking) bool { return h != nil && !h.isLost && !h.isOver && !h.isPast(m) }

// endedBy finds the message that may have ended a delivery, unknown to the worker: one about an earlier delivery, which arrived when that had
// ended and this one was on its way. It returns false if there is none.
func (w *worker) endedBy(at place, before *holding) bool {
	for _, m := range w.asked {
		for _, a := range m.records {
			if a.place == at && !a.isKnown && a.later == nil && m.verb != renew && !a.holding.isOpen(m) {
				a.later = before
				return true
			}
		}
	}
	return false
}

// first returns the first message without an answer, and a record in it whose outcome is not known.
func (w *worker) first(at place) (*asking, *asked) {
	if len(w.asked) == 0 {
		return nil, nil
	}
	for _, a := range w.asked[0].records {
		if a.place == at && !a.isKnown {
			return w.asked[0], a
		}
	}
	return nil, nil
}

func kindName(e *history.Event) string {
	if e.Kind == history.QueueRenewed {
		return "renewed"
	}
	return "settled"
}

// done takes a success.
func (c *queues) done(e *history.Event, w *worker, m *asking, at place, h *holding) {
	r := w.queue.at(at)
	r.asked[m.verb]--
	switch {
	case h != nil && h.isLost && m.verb == renew:
		return // outcomes come in the order of the messages, and a loss at once
	case h == nil || h.isLost || h.isOver:
		c.violated(Unheld, e, "%s of %s has succeeded, and the worker does not hold it", m.verb, at)
		return
	case h.isPast(m):
		c.violated(Late, e, "%s of %s has succeeded, and came %d ms after the end of the lock", m.verb, at, m.at-h.until)
	}
	if w.queue.Told && r.told[m.verb] <= m.index {
		c.violated(NotTold, e, "%s of %s has succeeded", m.verb, at)
	}
	if m.verb == renew {
		h.until = 0
		return
	}
	h.isOver = true
	w.drop(at, h)
	if !isFinal(m.verb) {
		return
	}
	if r.settled > 0 {
		c.violated(SettledTwice, e, "%s is settled by delivery %d, and by delivery %d before", at, h.count, r.settled)
		return
	}
	c.report.Settled++
	r.settled, r.known = h.count, e.At
}

// failed takes an error.
func (c *queues) failed(e *history.Event, w *worker, m *asking, at place, h *holding) {
	r := w.queue.at(at)
	switch e.Code {
	case "COMMIT_FAILED":
		if h != nil {
			h.unsure = true
		}
		return // it may be settled, and may be told again
	case "LOCK_EXPIRED":
		if h != nil {
			h.isLost = true
			w.drop(at, h)
		}
	case "UNKNOWN_MESSAGE_ID":
		if h.isCertain(m) {
			c.violated(Disowned, e, "%s of %s fails", m.verb, at)
		}
		if h != nil && !h.unsure { // else it may be held, and another message be about it
			h.isLost = true
			w.drop(at, h)
		}
	default:
		c.violated(Unasked, e, "%s of %s fails by %s", m.verb, at, e.Code)
	}
	if m.verb != renew { // it may be on its way to Kafka while the record is told to be lost, which does no harm
		r.asked[m.verb]--
	}
	if isFinal(m.verb) {
		r.final--
	}
}

// answered takes the end of the first message's answer.
func (c *queues) answered(e *history.Event, w *worker) {
	if len(w.asked) == 0 {
		c.violated(Unasked, e, "%q is told, and no message waits for that", e.Code)
		return
	}
	m := w.asked[0]
	w.asked = w.asked[1:]
	if (e.Code == "renewed") != (m.verb == renew) {
		c.violated(Mismatch, e, "%q answers %s", e.Code, m.verb)
	}
	for _, a := range m.records {
		if !a.isKnown {
			c.violated(Unanswered, e, "%s of %s", m.verb, a.place)
		}
	}
}

// expired takes the loss of a record.
func (c *queues) expired(e *history.Event, w *worker) {
	at := c.meantBy(e, w)
	h := w.holds[at]
	if h == nil {
		c.violated(Unasked, e, "%s expires, and the worker does not hold it", at)
		return
	}
	h.isLost = true
	w.drop(at, h)
}
