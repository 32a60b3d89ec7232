package session

import "time"

// endCutOff ends the sessions of producers where this replica alone has lost the log for two leases: its
// heartbeats fail while it reads what others write, or the reverse. Others may have taken the places by then, and
// unlike consumers, which Kafka knows as members of their groups, producers are known to nobody else. It counts
// the time in which the replica has noticed, so that a process that was stopped has a chance to be heard first.
func (r *replica) endCutOff() {
	lease := r.settings.Lease
	cannotWrite := r.isFenced(r.now) && r.now.Sub(r.readAt) < lease
	cannotRead := !r.isFenced(r.now) && !r.unread.IsZero() && r.now.Sub(r.unread) > lease
	switch {
	case !cannotWrite && !cannotRead:
		r.cutOff = time.Time{}
	case r.cutOff.IsZero():
		r.cutOff = r.now
	case r.now.Sub(r.cutOff) > lease:
		r.endProducers()
	}
}

func (r *replica) endProducers() {
	for _, a := range r.all() {
		if a.settled && a.request.Kind == Producer {
			r.cut++
			r.endSoon(a, errCutOff())
		}
	}
}

// yield ends a session that cannot be claimed again, since this replica's writes fail, and whose identity
// another connection has by now. It returns false where that is not so.
func (r *replica) yield(id string) bool {
	a := r.attempts[id]
	if a == nil || !a.settled || a.phase == held {
		return false
	}
	rival := r.fold.holders[r.value(a, pending, "", time.Time{}).identity()]
	if rival == nil || rival.standing != holding || rival.id == id {
		return false
	}
	r.contend(a, rival)
	return true
}
