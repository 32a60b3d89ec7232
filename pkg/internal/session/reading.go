package session

import (
	"fmt"
	"strings"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// read applies the next record of the log.
func (r *replica) read(now time.Time, l logged) {
	record := r.fold.apply(l)
	if !r.caughtUp {
		return
	}
	if own := r.fold.runs[r.id]; own != nil && own.lapsed != nil {
		r.startNewRun(now)
		return
	}
	switch v := record.(type) {
	case *claim:
		r.readClaim(strings.TrimPrefix(l.key, claimKey), l.at, v)
	case *suspicion:
		r.readSuspicion(l.key, l.at, v)
	case *probe:
		r.readProbe(now, l.key, v)
	}
}

// readClaim acts on a claim: an own one, which the fold has just judged, or a rival that an
// attempt waits for.
func (r *replica) readClaim(id string, at time.Time, c *claim) {
	e := r.fold.claims[id]
	if c.Replica != r.id {
		if c.State == admitted {
			r.retry(id)
		}
		return
	}
	a := r.attempts[id]
	switch {
	case a == nil:
		r.write(remove(claimKey + id))
	case c.State == pending && a.phase == proposing:
		r.judged(a, e, at)
	case c.State == admitted && a.phase == confirming:
		r.confirmed(a, e)
		r.retry(id)
	}
}

// judged continues an attempt after its claim was judged.
func (r *replica) judged(a *attempt, e *entry, at time.Time) {
	if e.standing == reserved {
		a.phase = confirming
		var records []Record
		if e.Takes != "" && r.fold.claims[e.Takes] != nil {
			records = append(records, remove(claimKey+e.Takes))
		}
		r.write(append(records, set(claimKey+a.id, r.value(a, admitted, e.Takes, at)))...)
		return
	}
	r.write(remove(claimKey + a.id))
	r.refused(a, e.ruling)
}

// confirmed continues an attempt after its admitted claim was read back.
func (r *replica) confirmed(a *attempt, e *entry) {
	if e.standing != holding {
		r.write(remove(claimKey + a.id))
		r.end(a, errTooLate())
		return
	}
	a.phase = held
	if !a.settled {
		a.settled = true
		a.settle(nil)
	}
}

// refused continues an attempt after its claim was refused.
func (r *replica) refused(a *attempt, v ruling) {
	switch {
	case v.outcome == duplicate:
		r.contend(a, v.holder)
	case v.outcome == topicFull:
		r.conflict(OutcomeLimited)
		r.end(a, proxy.Errorf(proxy.KindLimitReached, "Group %q has a connection for each of the %d partitions of topic %q.",
			a.request.Group, a.request.Partitions, a.request.Topic))
	case a.request.Kind == Producer:
		r.conflict(OutcomeLimited)
		r.end(a, proxy.Errorf(proxy.KindLimitReached, "Client %q has its most connections of %d.", a.request.Client, a.request.Limit))
	default:
		r.conflict(OutcomeLimited)
		r.end(a, proxy.Errorf(proxy.KindLimitReached, "Group %q has its most connections of %d.", a.request.Group, a.request.Limit))
	}
}

// contend continues an attempt against a rival that has the identity.
func (r *replica) contend(a *attempt, rival *entry) {
	switch {
	case !isSame(rival.principal(), a.request.Principal), a.request.OnConflict == Reject, a.settled:
		r.conflict(OutcomeRejected)
		r.end(a, errDuplicate(a, rival))
	case rival.standing != holding:
		r.oppose(a, rival, waiting)
	case a.request.OnConflict == TakeOver:
		r.conflict(OutcomeEvicted)
		r.supplant(a, rival.id)
	default:
		r.oppose(a, rival, probing)
		a.probe = probeKey + r.name()
		r.probes[a.probe] = a
		r.write(set(a.probe, &probe{Claim: rival.id, By: r.id}))
	}
}

// oppose registers an attempt to be retried when its rival is admitted or gone.
func (r *replica) oppose(a *attempt, rival *entry, p phase) {
	r.forget(a)
	a.phase, a.rival = p, rival.id
	r.rivals[rival.id] = append(r.rivals[rival.id], a)
	r.idle[a] = struct{}{}
}

// supplant proposes a claim that takes over from a rival.
func (r *replica) supplant(a *attempt, rival string) {
	r.forget(a)
	r.propose(a, rival)
}

// retry starts the attempts over that wait for a rival, which was admitted or is gone.
func (r *replica) retry(rival string) {
	for _, a := range append([]*attempt(nil), r.rivals[rival]...) {
		if a.phase == waiting {
			r.again(a)
		}
	}
}

// ended is called by the fold when a claim has lost its slot.
func (r *replica) ended(e *entry) {
	for _, a := range append([]*attempt(nil), r.rivals[e.id]...) {
		r.again(a)
	}
	a := r.attempts[e.id]
	if a == nil || !r.caughtUp || r.lapsed() {
		return
	}
	if a.phase != held {
		r.write(remove(claimKey + a.id))
		r.end(a, errTooLate())
		return
	}
	r.end(a, errReplaced(r.fold.holders[e.identity()]))
}

func (r *replica) lapsed() bool {
	own := r.fold.runs[r.id]
	return own != nil && own.lapsed != nil
}

// startNewRun continues under a new run id after the replica has read its own lapse: its sessions are over.
func (r *replica) startNewRun(now time.Time) {
	attempts := r.all()
	r.id = r.newRun()
	r.beat(now)
	for _, a := range attempts {
		if a.settled {
			r.end(a, proxy.Errorf(proxy.KindDuplicateClient,
				"Kafka has not heard of this replica for too long, and others may have taken the connection's place: connect again."))
			continue
		}
		r.again(a)
	}
}

// readProbe answers a probe of an own session, or takes the answer to a probe of this run.
func (r *replica) readProbe(now time.Time, key string, p *probe) {
	if p.By == r.id {
		a := r.probes[key]
		switch {
		case a == nil:
			r.write(remove(key))
		case p.Alive:
			r.conflict(OutcomeRejected)
			r.end(a, errDuplicate(a, r.fold.claims[a.rival]))
		case a.probed.IsZero():
			a.probed = now
		}
	}
	if a := r.attempts[p.Claim]; a != nil && !p.Alive {
		r.sign(a, key, p.By)
	}
}

// sign asks an own client for a sign of life, and writes the answer to the probe.
func (r *replica) sign(a *attempt, key, by string) {
	alive := set(key, &probe{Claim: a.id, By: by, Alive: true})
	if a.phase != held || a.holder == nil {
		r.write(alive)
		return
	}
	a.holder.Alive(r.settings.ProbeTimeout, func(is bool) {
		if is {
			r.later(func() { r.write(alive) })
		}
	})
}

// readSuspicion judges an own suspicion at its place in the log.
func (r *replica) readSuspicion(key string, at time.Time, s *suspicion) {
	if s.By != r.id {
		return
	}
	records := []Record{remove(key)}
	if run := r.fold.runs[s.Replica]; run != nil && run.lapsed == nil && run.last <= s.Seen {
		records = append([]Record{set(lapseKey+s.Replica+"/"+r.id, &lapse{
			By: r.id, Asked: at.UnixMilli(), Lease: r.settings.Lease.Milliseconds(),
		})}, records...)
	}
	r.write(records...)
}

// errDuplicate is the error of an attempt whose identity its rival has; rival is nil where it is gone
// by now. The cause names the principal of the rival: it is for the log, and not for the client.
func errDuplicate(a *attempt, rival *entry) *proxy.Error {
	e := proxy.Errorf(proxy.KindDuplicateClient, "Client %q is connected in group %q already.", a.request.Client, a.request.Group)
	if a.request.Kind == Producer {
		e.Message = fmt.Sprintf("Instance %q of client %q is connected already.", a.request.Instance, a.request.Client)
	}
	if rival != nil {
		e.Cause = fmt.Errorf("the session is held by %q on the replica %q", rival.principal(), rival.Server)
	}
	return e
}

// errReplaced is the error of a session that was lost to a successor or, where that is nil, an administrator.
func errReplaced(successor *entry) *proxy.Error {
	e := proxy.Errorf(proxy.KindDuplicateClient, "Another connection has taken this one's place, or an administrator has ended it.")
	if successor != nil {
		e.Cause = proxy.ErrSucceeded
	}
	return e
}

func errTooLate() *proxy.Error {
	return proxy.Errorf(proxy.KindKafkaUnavailable, "Kafka was too slow to admit the connection: try again.")
}
