package session

import (
	"strings"
	"time"
)

// read applies the next record of the log.
func (r *replica) read(now time.Time, l logged) {
	record := r.fold.apply(l)
	if !r.caughtUp || r.left {
		return
	}
	r.now, r.readAt = now, now
	if r.hasLapsed() {
		r.startNewRun()
		return
	}
	for _, e := range r.fold.ended {
		r.lostPlace(e, l.key, record)
	}
	switch v := record.(type) {
	case *claim:
		r.readClaim(strings.TrimPrefix(l.key, claimKey), v)
	case *beat:
		if l.key == replicaKey+r.id {
			r.readBeat(v)
		}
	case *suspicion:
		r.readSuspicion(l.at, v)
	case *probe:
		r.readProbe(l, v)
	case *report:
		r.readReport(v)
	}
	if by, is := strings.CutPrefix(l.key, questionKey); is {
		q, _ := record.(*question) // else it was removed
		r.readQuestion(by, q)
	}
	r.compare(l.key)
}

// readClaim acts on a claim: an own one, which the fold has just judged, or a rival that an
// attempt waits for.
func (r *replica) readClaim(id string, c *claim) {
	e, a := r.fold.claims[id], r.attempts[id]
	switch {
	case c.Replica == r.id && a != nil:
		r.follow(a, e)
	case c.State == admitted:
		r.retry(id)
	}
}

// follow continues an attempt after a record of its claim was read.
func (r *replica) follow(a *attempt, e *entry) {
	switch {
	case e.State == evicted:
		r.end(a, errEvicted())
	case e.standing == holding:
		r.hold(a)
	case e.standing == reserved && a.phase != confirming:
		r.confirm(a, e)
	case e.standing == refused:
		r.refused(a, e.ruling)
	case e.standing == void:
		r.decideLater(a)
	}
}

// lostPlace acts on a claim that has lost its place by a record of key: its rivals try again, and if it is an
// own one, it does as well. Where the record is one of the own claim, follow does that.
func (r *replica) lostPlace(e *entry, key string, record any) {
	for _, a := range append([]*attempt(nil), r.rivals[e.id]...) {
		r.decide(a)
	}
	a := r.attempts[e.id]
	if c, ok := record.(*claim); a == nil || ok && key == claimKey+e.id && c.Replica == r.id {
		return
	}
	if a.phase == confirming || a.phase == held {
		r.decide(a)
	}
}

// readSuspicion judges an own suspicion at its place in the log.
func (r *replica) readSuspicion(at time.Time, s *suspicion) {
	if s.By != r.id {
		return
	}
	if run := r.fold.runs[s.Replica]; run != nil && run.lapsed == nil && run.last <= s.Seen {
		r.write([]Record{set(lapseKey+s.Replica+"/"+r.id, &lapse{
			By: r.id, Asked: at.UnixMilli(), Lease: r.leaseOf(run).Milliseconds(),
		})}, ignore)
	}
}
