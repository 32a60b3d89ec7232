package share

import (
	"slices"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// defaultLocks is how many records of a partition are in flight at most in a group, until Kafka tells otherwise: brokers before 4.4 show it with the
// broker's configuration only.
const defaultLocks = 2000

// What counts for Kafka are the offsets from the oldest one that is not settled to the last one that was acquired, by all members: those
// between them that are settled count, too. A member sees the part of it that begins and ends with records of its own, and is somewhat
// shorter while other members have some. So a tenth may be missing.

// fullOf notes of which fetched partitions nothing comes, since as many offsets are in flight as Kafka allows, and returns the oldest records
// of those that were not so before. mu is held.
func (l *ledger) fullOf(asked []*partition, got []fetched, most int, now time.Time) (oldest []*hold) {
	came := make(map[partitionID]bool, len(got))
	for _, f := range got {
		came[f.id] = true
	}
	for _, p := range asked {
		var first *hold
		if !came[p.id] { // else it is not full, whatever is held
			first = p.oldest()
		}
		is := first != nil && p.last-first.offset >= int64(most-most/10-1)
		if is && !p.isFull {
			p.since = now
			oldest = append(oldest, first)
		}
		l.setFull(p, is)
	}
	return oldest
}

// oldest returns the held record with the smallest offset, or nil.
func (p *partition) oldest() (first *hold) {
	for _, h := range p.held {
		if first == nil || h.offset < first.offset {
			first = h
		}
	}
	return first
}

func (l *ledger) setFull(p *partition, is bool) {
	switch {
	case is && !p.isFull:
		l.observer.Full(1)
	case !is && p.isFull:
		l.observer.Full(-1)
	}
	p.isFull = is
}

const (
	// fullTold is the shortest time between two logs of a session, and two notices to a worker, about full partitions: while much flows,
	// they are full again and again.
	fullTold = time.Minute
	// fullFor is how long a partition has been full before its workers are told: longer than one that is full because much flows.
	fullFor = 5 * time.Second
)

// tellFull logs that a partition has become full, and now and then only.
func (s *session) tellFull(oldest []*hold) {
	if len(oldest) > 0 && time.Since(s.toldFull) > fullTold {
		s.toldFull = time.Now()
		h := oldest[0]
		s.member.log.Warn("a queue gets no further records of a partition until the oldest ones are settled: about as many are in flight as Kafka allows",
			"partition", h.partition.id.partition, "oldest", h.offset, "most", s.member.mostLocks)
	}
}

// tellWorkers tells those workers that have room that nothing comes from a partition, where that has lasted. mu is held.
func (l *ledger) tellWorkers(asked []*partition, lasting time.Duration, now time.Time) {
	for _, p := range asked {
		t := l.topics[p.id.topic]
		if t == nil || !p.isFull || now.Sub(p.since) < lasting {
			continue
		}
		notice := proxy.Errorf(proxy.KindLimitReached,
			"As many records of partition %d are in flight as Kafka allows the group: no more of them come until the oldest ones are settled, from offset %d on.",
			p.id.partition, p.oldest().offset)
		for w := range t.workers {
			if w.holds < w.window {
				w.note(notice, now)
			}
		}
	}
}

// note tells a worker why nothing comes, now and then only. mu is held.
func (w *Worker) note(notice *proxy.Error, now time.Time) {
	waits := slices.ContainsFunc(w.events, func(one event) bool { return one.notice != nil })
	if !waits && now.Sub(w.noted) >= fullTold {
		w.noted = now
		w.push(event{notice: notice})
	}
}
