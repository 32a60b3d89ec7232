package share

import (
	"container/heap"
	"errors"
	"sort"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// batch is what a request tells about records, by their partitions.
type batch struct {
	partitions map[partitionID][]*hold // in the order of their offsets
	all        []*hold
	renews     bool
	sentAt     time.Time
}

// collect returns what is to be told to a source. What it returns counts as sent.
func (l *ledger) collect(s *source, now time.Time) *batch {
	b := &batch{sentAt: now}
	for p := range s.asking {
		holds := l.ripe(p, now)
		if len(p.waiting) == 0 && len(p.suspect) == 0 {
			delete(s.asking, p)
		}
		if len(holds) == 0 {
			continue
		}
		sort.Slice(holds, func(i, j int) bool { return holds[i].offset < holds[j].offset })
		if b.partitions == nil {
			b.partitions = make(map[partitionID][]*hold)
		}
		b.partitions[p.id] = holds
		b.all = append(b.all, holds...)
	}
	for _, h := range b.all {
		h.sent = true
		b.renews = b.renews || h.ask.ack == renew
	}
	return b
}

// ripe takes the holds of a partition that belong into one request: those of a refused one alone, a part at a time.
func (l *ledger) ripe(p *partition, now time.Time) []*hold {
	for len(p.suspect) > 0 {
		last := len(p.suspect) - 1
		part := p.suspect[last]
		p.suspect = p.suspect[:last]
		if holds := l.valid(part, now); len(holds) > 0 {
			return holds
		}
	}
	waiting := p.waiting
	p.waiting = nil
	return l.valid(waiting, now)
}

// valid returns the holds that are not over. Those whose locks have ended end here.
func (l *ledger) valid(some []*hold, now time.Time) []*hold {
	n := 0
	for _, h := range some {
		switch {
		case h.over:
		case !now.Before(h.until):
			l.lapse(h)
		default:
			some[n] = h
			n++
		}
	}
	return some[:n]
}

// answered handles Kafka's answer about a partition. lock is how long the locks last that were renewed.
func (l *ledger) answered(b *batch, id partitionID, err error, lock time.Duration, now time.Time) {
	holds := b.partitions[id]
	delete(b.partitions, id)
	for _, h := range holds {
		if !h.over {
			h.sent = false
		}
	}
	switch {
	case err == nil:
		for _, h := range holds {
			l.heard(h, b.sentAt.Add(lock), now)
		}
	case isRefusal(err):
		l.refused(holds)
	case isLoss(err):
		if p := l.partitions[id]; p != nil {
			l.lose(p)
		}
	default:
		for _, h := range holds {
			l.unheard(h, now)
		}
	}
}

// isRefusal tells whether one of the acknowledged records was not acquired by the member: Kafka refuses all of the
// partition together then.
func isRefusal(err error) bool {
	return errors.Is(err, kerr.InvalidRecordState) || errors.Is(err, kerr.InvalidRequest)
}

// isLoss tells whether the broker has no records of the partition anymore that it could settle.
func isLoss(err error) bool {
	return errors.Is(err, kerr.NotLeaderForPartition) || errors.Is(err, kerr.FencedLeaderEpoch) ||
		errors.Is(err, kerr.UnknownTopicOrPartition) || errors.Is(err, kerr.UnknownTopicID) || errors.Is(err, kerr.FencedStateEpoch)
}

// heard is called when Kafka has done what was asked. If the lock may have ended before, it may have done so for somebody
// else: Kafka accepts any acknowledgement of a record that is settled.
func (l *ledger) heard(h *hold, renewed, now time.Time) {
	a := h.ask
	late := !now.Before(h.until)
	switch {
	case h.over:
	case a.ack.settles():
		h.ask = ask{}
		l.drop(h)
		if late {
			l.result(a, proxy.SettleFailed, time.Time{})
		} else {
			l.result(a, proxy.SettleDone, time.Time{})
		}
	case late:
		l.lapse(h)
	default:
		h.until = renewed
		heap.Fix(&l.expiries, h.expiry)
		h.ask = ask{}
		l.result(a, proxy.SettleRenewed, renewed)
		l.follow(h)
	}
}

// follow notes what waited for a renewal.
func (l *ledger) follow(h *hold) {
	if next := h.next; next.ack != noAck {
		h.next = ask{}
		l.request(h, next)
	}
}

// refused finds the records for which Kafka has refused a request, by halves.
func (l *ledger) refused(holds []*hold) {
	switch {
	case len(holds) == 0:
	case len(holds) == 1:
		if !holds[0].over {
			l.lapse(holds[0])
		}
	default:
		p := holds[0].partition
		middle := len(holds) / 2
		p.suspect = append(p.suspect, holds[middle:], holds[:middle])
		p.source.asking[p] = struct{}{}
		p.source.wake()
	}
}

// unheard is called when Kafka has not done what was asked, and holds the record for the member as before.
func (l *ledger) unheard(h *hold, now time.Time) {
	if h.over {
		return
	}
	if !now.Before(h.until) {
		l.lapse(h)
		return
	}
	a := h.ask
	h.ask = ask{}
	l.result(a, proxy.SettleFailed, time.Time{})
	l.follow(h)
	if h.ask.ack == noAck && h.worker == nil {
		if a.ack != gap {
			a.ack = release
		}
		l.request(h, ask{ack: a.ack})
	}
}

// unwatch takes a hold out of the list of expiries.
func (l *ledger) unwatch(h *hold) { heap.Remove(&l.expiries, h.expiry) }
