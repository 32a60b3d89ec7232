package session

import "time"

// ask asks the replica of an attempt's rival whether its client is alive.
func (r *replica) ask(a *attempt) {
	a.probe, a.asked, a.probedAt = probeKey+r.name(), a.rival, -1
	r.probes[a.probe] = a
	r.put(a.probe)
}

// unprobe removes an attempt's probe.
func (r *replica) unprobe(a *attempt) {
	if a.probe == "" {
		return
	}
	key := a.probe
	delete(r.probes, key)
	a.probe, a.asked = "", ""
	r.put(key)
}

// readProbe answers a probe of an own session, or takes the answer to a probe of this run.
func (r *replica) readProbe(l logged, p *probe) {
	if a := r.probes[l.key]; p.By == r.id && a != nil {
		switch {
		case p.Alive && a.phase != confirming: // else the takeover precedes the answer in the log
			r.conflict(OutcomeRejected)
			r.end(a, errDuplicate(a, r.fold.claims[a.asked]))
		case a.probedAt < 0:
			a.probedAt, a.probed = l.offset, r.fold.now
		}
	}
	if a := r.attempts[p.Claim]; a != nil && !p.Alive {
		r.sign(a, l.key, p.By)
	}
}

// sign asks an own client for a sign of life, and writes the answer to the probe. A dead client gives none; a
// heartbeat shows that its replica lives.
func (r *replica) sign(a *attempt, key, by string) {
	r.called = true
	id := a.id
	answer := func() {
		if !r.left {
			r.write([]Record{set(key, &probe{Claim: id, By: by, Alive: true, From: r.id})}, ignore)
		}
	}
	if a.phase != held || a.holder == nil {
		answer()
		return
	}
	a.holder.Alive(r.settings.ProbeTimeout, func(is bool) {
		if is {
			r.later(answer)
		}
	})
}

// judgeProbes takes over from the clients that gave no sign of life. The time is the log's: while Kafka is away
// nobody can answer.
func (r *replica) judgeProbes() {
	for _, key := range inOrder(r.probes) {
		a := r.probes[key]
		if a.phase != probing || a.probedAt < 0 {
			continue
		}
		rival := r.fold.claims[a.rival]
		if rival == nil {
			continue // it has just gone
		}
		if r.fold.now-a.probed >= r.settings.ProbeTimeout {
			r.presume(rival.Replica, a.probedAt)
		} else if !r.isGone(rival.Replica) {
			continue
		}
		r.conflict(OutcomeTakeover)
		r.supplant(a, rival)
	}
}

// silentBeats is how many heartbeats a replica of an earlier version must have missed to be presumed gone: it
// does not write one for each probe.
const silentBeats = 2

// presume notes that a run is gone if it has written nothing since it was asked for a sign of life of a client:
// the claims that it has left need no probe each.
func (r *replica) presume(id string, askedAt int64) {
	run := r.fold.runs[id]
	if run == nil || id == r.id || run.last > askedAt {
		return
	}
	if run.lease == 0 && r.fold.now-run.heard < silentBeats*r.settings.interval() {
		return
	}
	r.gone[id] = run.last
}

// isGone tells whether a run is presumed gone. What it writes ends that.
func (r *replica) isGone(id string) bool {
	last, presumed := r.gone[id]
	return presumed && r.fold.lastOf(id) == last
}

// lastOf returns the offset of a run's last record, -1 where there is none.
func (f *fold) lastOf(id string) int64 {
	if run := f.runs[id]; run != nil {
		return run.last
	}
	return -1
}

// leaseOf returns the lease that a run is judged by: its own, or this replica's where the run is of an earlier
// version, which tells none.
func (r *replica) leaseOf(run *run) time.Duration {
	if run.lease > 0 {
		return run.lease
	}
	return r.settings.Lease
}
