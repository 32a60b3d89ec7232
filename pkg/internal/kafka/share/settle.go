package share

import (
	"context"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// Settle gives an acknowledgement on records, all of them ones that the worker holds: the others get their own result. It does not wait
// for Kafka, unless the settlements of very many records wait to be taken. The error is ctx's, or that
// of Take.
//
// A record whose acknowledgement is under way cannot be settled again, except that one that is being renewed may be.
// Its place in the window is free when the settlement is known.
func (w *Worker) Settle(ctx context.Context, acknowledgement proxy.Acknowledgement, records []proxy.Position) error {
	for {
		done, err := w.settle(acknowledgement, records, time.Now())
		if done || err != nil {
			return err
		}
		select {
		case <-w.space:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// settle is Settle, unless too many results wait to be taken.
func (w *Worker) settle(acknowledgement proxy.Acknowledgement, records []proxy.Position, now time.Time) (done bool, err error) {
	w.ledger.mu.Lock()
	defer w.ledger.mu.Unlock()
	if w.err != nil {
		return false, w.err
	}
	if w.closed {
		return true, nil
	}
	if w.untaken > 0 && w.untaken+len(records) > maxUntaken {
		return false, nil
	}
	w.untaken += len(records)
	c := &call{worker: w, open: len(records) + 1, settlement: &proxy.Settlement{Acknowledgement: acknowledgement, Results: make([]proxy.SettledPosition, len(records))}}
	w.calls = append(w.calls, c)
	for i, position := range records {
		c.settlement.Results[i].Position = position
		w.judge(position, ask{ack: ack(acknowledgement), call: c, at: i}, now)
	}
	if c.open--; c.open == 0 {
		w.answered()
	}
	return true, nil
}

// judge notes an acknowledgement, or answers it.
func (w *Worker) judge(position proxy.Position, a ask, now time.Time) {
	h := w.holdAt(position)
	if h != nil && !h.sent && !now.Before(h.until) { // its expiry is due
		w.ledger.lapse(h)
		h = nil
	}
	switch {
	case h == nil && w.hasLost(position):
		w.ledger.result(a, proxy.SettleExpired, time.Time{})
	case h == nil || h.ask.ack.settles() || h.next.ack.settles():
		w.ledger.result(a, proxy.SettleUnknown, time.Time{})
	case h.ask.ack == noAck:
		w.ledger.request(h, a)
	case h.next.ack == noAck:
		h.next = a
	default: // two renewals are under way
		w.ledger.result(a, proxy.SettleFailed, time.Time{})
	}
}

// result stores the result of an ask.
func (l *ledger) result(a ask, result proxy.SettleResult, until time.Time) {
	if a.call != nil {
		l.observer.Settled(proxy.Acknowledgement(a.ack), result)
		a.answer(result, until)
	}
}

// holdAt returns the hold of a record that was delivered to the worker, or nil.
func (w *Worker) holdAt(position proxy.Position) *hold {
	if position.Topic != w.topic.name {
		return nil
	}
	p := w.ledger.partitions[partitionID{w.topic.id, position.Partition}]
	if p == nil {
		return nil
	}
	h := p.held[position.Offset]
	if h == nil || h.worker != w || !h.taken || h.timestamp != position.Timestamp {
		return nil
	}
	return h
}

func (w *Worker) hasLost(position proxy.Position) bool {
	return position.Topic == w.topic.name && w.lapsed.has(position.Partition, position.Offset)
}
