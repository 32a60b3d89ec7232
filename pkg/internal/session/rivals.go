package session

// refused continues an attempt after its claim was refused, or would be.
func (r *replica) refused(a *attempt, v ruling) {
	switch {
	case v.outcome == duplicate:
		r.contend(a, v.holder)
	case a.settled:
		r.endSoon(a, errPlaceLost())
	default:
		r.conflict(OutcomeLimited)
		r.end(a, errLimit(&a.request, v.outcome))
	}
}

// contend continues an attempt against a rival that has the identity.
func (r *replica) contend(a *attempt, rival *entry) {
	r.forget(a)
	switch {
	case a.settled && rival.standing == holding:
		r.end(a, errReplaced(rival))
	case a.settled:
		r.oppose(a, rival, waiting)
	case !isSame(rival.principal(), a.request.Principal), a.request.OnConflict == Reject:
		r.conflict(OutcomeRejected)
		r.end(a, errDuplicate(a, rival))
	case rival.standing != holding:
		r.oppose(a, rival, waiting)
	case a.request.OnConflict == TakeOver:
		r.conflict(OutcomeEvicted)
		r.supplant(a, rival)
	case r.isGone(rival.Replica):
		a.presumed, a.lastSeen = true, r.fold.lastOf(rival.Replica)
		r.conflict(OutcomeTakeover)
		r.supplant(a, rival)
	default:
		r.oppose(a, rival, probing)
		r.ask(a)
	}
}

// oppose registers an attempt to be retried when its rival is admitted or gone.
func (r *replica) oppose(a *attempt, rival *entry, p phase) {
	a.phase, a.rival = p, rival.id
	r.rivals[rival.id] = append(r.rivals[rival.id], a)
	r.idle[a] = struct{}{}
}

// supplant proposes a claim that takes over from a rival. A probe stays: its answer still counts if it comes
// before the claim in the log.
func (r *replica) supplant(a *attempt, rival *entry) {
	r.withdraw(a)
	r.propose(a, rival.id)
}

// retry decides the attempts anew that wait for a rival, which was admitted.
func (r *replica) retry(rival string) {
	for _, a := range append([]*attempt(nil), r.rivals[rival]...) {
		if a.phase == waiting {
			r.decide(a)
		}
	}
}
