package session

import (
	"strconv"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// phase is the state of an attempt to hold a session. The package's documentation has a diagram.
type phase uint8

const (
	idle       phase = iota // the log is not read to its end
	proposing               // its pending claim is to be in the log
	confirming              // its claim has won: its admitted claim is to be in the log
	held                    // its admitted claim was read
	waiting                 // until a rival is admitted or gone
	probing                 // a rival is asked for a sign of life
	over                    // it was refused, or the session has ended
)

// attempt is the attempt of one connection to hold a session.
type attempt struct {
	request Request
	since   time.Time
	settle  func(*proxy.Error) // called once: with nil when admitted
	holder  Holder             // nil until the connection is open

	number  int // in the order of all attempts
	phase   phase
	settled bool
	lost    *proxy.Error // why the session was lost
	id      string       // of its claim; a session that is claimed again keeps it
	takes   string       // the id of the claim that it takes over from
	rival   string       // the id of the claim that has the identity

	probe    string        // the key of its probe, which stays until the attempt holds the session
	asked    string        // the id of the claim that it asks about
	probedAt int64         // offset of the probe, -1 before it was read
	probed   time.Duration // log time of the probe

	presumed bool  // the rival's replica is presumed gone, and was not probed for this attempt
	lastSeen int64 // offset of that replica's last record
}

// claim begins an attempt.
func (r *replica) claim(now time.Time, request Request, settle func(*proxy.Error)) *attempt {
	r.now = now
	r.claimed++
	a := &attempt{request: request, since: now, settle: settle, number: r.claimed}
	if !r.caughtUp {
		r.idle[a] = struct{}{}
		return a
	}
	r.decide(a)
	return a
}

// decide begins an attempt, or begins it again, from what the log says now. What the log refuses already is
// not written.
func (r *replica) decide(a *attempt) {
	claimed := a.settled && a.id != "" && r.attempts[a.id] == a
	if claimed {
		delete(r.attempts, a.id) // its claim may be written again, and is not removed before
	}
	r.forget(a)
	v := r.fold.judge(&entry{claim: *r.value(a, pending, "", time.Time{})})
	if v.outcome != won && r.isFresh() && !r.isFreed(a, v) {
		r.refused(a, v)
	} else {
		r.propose(a, "")
	}
	if claimed && r.attempts[a.id] == nil {
		r.put(claimKey + a.id)
	}
}

// decideLater decides an attempt whose claim was void: what made it void may still be there, so the pass writes
// the next claim after the time in which it would write a lost one again.
func (r *replica) decideLater(a *attempt) {
	deferred := r.differences.deferred
	r.differences.deferred = true
	r.decide(a)
	r.differences.deferred = deferred
	if d := r.differences.byKey[claimKey+a.id]; d != nil && r.wants(d.key) {
		d.sent = r.now
		d.answer.Store(failed)
	}
}

// isFreed tells whether this replica has given up the place that a refusal is for: the log does not show it yet.
func (r *replica) isFreed(a *attempt, v ruling) bool {
	if v.outcome == duplicate {
		return v.holder.Replica == r.id && r.attempts[v.holder.id] == nil
	}
	return r.freed[placeOf(&a.request)] > 0
}

// propose wants a pending claim in the log, which takes over from the claim takes where that is set.
func (r *replica) propose(a *attempt, takes string) {
	delete(r.idle, a)
	if a.id == "" || !a.settled {
		a.id = r.name()
	}
	a.phase, a.takes = proposing, takes
	r.attempts[a.id] = a
	r.put(claimKey + a.id)
}

// name returns a new id for a claim or a probe.
func (r *replica) name() string {
	r.number++
	return r.id + "." + strconv.Itoa(r.number)
}

// value returns an attempt's claim.
func (r *replica) value(a *attempt, state claimState, takes string, asked time.Time) *claim {
	q := &a.request
	c := &claim{
		State: state, Kind: q.Kind, Client: q.Client, Group: q.Group, Instance: q.Instance, Topic: q.Topic,
		Subject: q.Principal.Name, Method: q.Principal.Method,
		Replica: r.id, Server: r.settings.Server, Since: a.since.UnixMilli(),
		Limit: q.Limit, Partitions: q.Partitions, Takes: takes, Valid: handshakeTime.Milliseconds(),
	}
	if !asked.IsZero() {
		c.Asked = asked.UnixMilli()
	}
	return c
}

// confirm wants the admitted claim of an attempt in the log, whose pending claim has won.
func (r *replica) confirm(a *attempt, e *entry) {
	if victim := r.fold.claims[e.Takes]; a.presumed && victim != nil && r.fold.lastOf(victim.Replica) != a.lastSeen {
		r.decide(a) // its replica is not gone after all
		return
	}
	a.phase = confirming
	r.put(claimKey + a.id)
}

// hold admits an attempt whose admitted claim was read.
func (r *replica) hold(a *attempt) {
	r.unprobe(a)
	a.phase = held
	if !a.settled {
		a.settled = true
		a.settle(nil)
	}
	r.retry(a.id)
}
