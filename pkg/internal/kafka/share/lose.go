package share

import (
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/budget"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// lapse ends a hold whose record Kafka has taken back: it is not settled by us. The worker is told in the result of its
// acknowledgement, or, if it has not given one that settles the record, by an event at once: results wait for their turn.
func (l *ledger) lapse(h *hold) {
	w := h.worker
	working := !h.ask.ack.settles() && !h.next.ack.settles()
	a, next := h.ask, h.next
	h.ask, h.next = ask{}, ask{}
	if w != nil && h.taken {
		w.lapsed.remember(h)
		l.observer.Expired()
	}
	l.drop(h)
	if w != nil && h.taken && working {
		w.push(event{expired: h.position()})
	}
	l.result(a, proxy.SettleExpired, time.Time{})
	l.result(next, proxy.SettleExpired, time.Time{})
}

// endUncertain ends a hold of which Kafka was told something, and it is not known whether Kafka has heard it.
func (l *ledger) endUncertain(h *hold) {
	if !h.sent || !h.ask.ack.settles() {
		l.lapse(h)
		return
	}
	a := h.ask
	h.ask = ask{}
	l.drop(h)
	l.result(a, proxy.SettleFailed, time.Time{})
}

// expire ends the holds whose locks have ended, and returns when the next one does; zero if there is none. What was sent before is
// left to its answer.
func (l *ledger) expire(now time.Time) (next time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for len(l.expiries) > 0 {
		h := l.expiries[0]
		if now.Before(h.until) {
			return h.until
		}
		if h.sent {
			l.unwatch(h)
			continue
		}
		l.lapse(h)
	}
	return time.Time{}
}

// lose ends all holds of a partition: another broker leads it, or the topic is gone.
func (l *ledger) lose(p *partition) {
	for _, h := range p.held {
		l.endUncertain(h)
	}
	p.waiting, p.suspect = nil, nil
	l.setFull(p, false)
	delete(p.source.asking, p)
}

// loseAll ends all holds that came from a source: Kafka has given them back, since the session has ended.
func (l *ledger) loseAll(s *source) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, p := range l.partitions {
		if p.source == s {
			l.lose(p)
		}
	}
	l.unqueue(s)
}

// unqueue has a source not wait for places anymore.
func (l *ledger) unqueue(s *source) {
	for _, t := range l.topics {
		for i, other := range t.hungry {
			if other == s {
				t.hungry = append(t.hungry[:i], t.hungry[i+1:]...)
				break
			}
		}
	}
}

// remove closes a worker: what it holds is released.
func (l *ledger) remove(w *Worker) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if w.closed {
		return
	}
	w.closed = true
	for i := range w.events {
		l.budget.Release(budget.Consuming, w.events[i].bytes)
	}
	w.events, w.calls = nil, nil
	notify(w.signal)
	notify(w.space)
	l.rerank(w)
	w.leaving = 1 // until all are counted
	for w.newest != nil {
		h := w.newest
		w.forget(h)
		h.leaver = w
		w.leaving++
		l.giveBack(h)
	}
	w.given()
	t := w.topic
	delete(t.workers, w)
	if len(t.workers) == 0 {
		delete(l.topics, t.id)
	}
	l.wakeAll(t)
}

// fail has a worker's Take return an error.
func (l *ledger) fail(w *Worker, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if w.err == nil {
		w.err = err
		l.rerank(w)
		notify(w.signal)
		notify(w.space)
	}
}
