package share

import "time"

// defaultLocks is how many records of a partition are in flight at most in a group, until Kafka tells otherwise: brokers before 4.4 show it with the
// broker's configuration only.
const defaultLocks = 2000

// What counts for Kafka are the offsets from the oldest one that is not settled to the last one that was acquired, by all members: those
// between them that are settled count, too. A member sees the part of it that begins and ends with records of its own, and is somewhat
// shorter while other members have some. So a tenth may be missing.

// fullOf notes of which fetched partitions nothing comes, since as many offsets are in flight as Kafka allows, and returns the oldest records
// of those that were not so before. mu is held.
func (l *ledger) fullOf(asked []*partition, got []fetched, most int) (oldest []*hold) {
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

// fullTold is the shortest time between two logs of a session about full partitions: while much flows, they are full again and again.
const fullTold = time.Minute

// tellFull logs that a partition has become full, and now and then only.
func (s *session) tellFull(oldest []*hold) {
	if len(oldest) > 0 && time.Since(s.toldFull) > fullTold {
		s.toldFull = time.Now()
		h := oldest[0]
		s.member.log.Warn("a queue gets no further records of a partition until the oldest ones are settled: about as many are in flight as Kafka allows",
			"partition", h.partition.id.partition, "oldest", h.offset, "most", s.member.mostLocks)
	}
}
