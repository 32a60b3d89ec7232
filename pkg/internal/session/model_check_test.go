package session

import (
	"slices"
	"time"
)

// checkTruth asserts the invariants of the log after every record.
func (w *model) checkTruth() {
	f := w.truth
	held := make(map[identity]string)
	topics := make(map[groupTopic]int)
	for id, e := range f.claims {
		if e.standing == holding {
			if other, ok := held[e.identity()]; ok {
				w.violated("%v is held by %s and by %s", e.identity(), other, id)
			}
			held[e.identity()] = id
		}
		if run := f.runs[e.Replica]; e.standing >= reserved && (run == nil || run.lapsed != nil) {
			w.violated("%s has a slot, and its run is gone", id)
		}
		if f.successors[e.identity()] == e && e.Kind == Consumer && e.Topic != f.holders[e.identity()].Topic {
			topics[groupTopic{e.Group, e.Topic}]++
		}
		if e.standing >= reserved && f.successors[e.identity()] != e {
			if e.Kind == Consumer {
				topics[groupTopic{e.Group, e.Topic}]++
			}
			if f.holders[e.identity()] != e {
				w.violated("%s has standing %d, and the holder of %v is another", id, e.standing, e.identity())
			}
		}
	}
	for at, n := range topics {
		if f.topics[at] != n {
			w.violated("%v counts %d, and is held by %d", at, f.topics[at], n)
		}
		if n > 3 {
			w.violated("%v is held by %d, of 3 partitions", at, n)
		}
	}
}

// checkAdmission asserts that there was a free slot for an admitted claim.
func (w *model) checkAdmission(id string, was standing, c *claim) {
	e := w.truth.claims[id]
	if e == nil || e.standing != holding || was != reserved {
		return
	}
	if c.Takes != "" {
		if old := w.truth.claims[c.Takes]; old != nil && old.standing == holding {
			w.violated("%s is admitted in the place of %s, which is still there", id, c.Takes)
		}
		return
	}
	n := w.truth.clients[c.Client]
	if c.Kind == Consumer {
		n = w.truth.groups[c.Group]
	}
	if c.Limit > 0 && n > c.Limit {
		// Claims with a higher limit, or none, may have been admitted meanwhile.
		if slices.ContainsFunc(w.replicas, func(p *modelReplica) bool { return p.limit == 0 || p.limit > c.Limit }) || len(w.dead) > 0 {
			return
		}
		w.violated("%s is admitted as number %d of at most %d", id, n, c.Limit)
	}
}

// checkSuspicion asserts that a run does not lapse if it was writing all the time between the record
// that a suspicion names as its last one and the suspicion.
func (w *model) checkSuspicion(key string, v any) {
	switch v := v.(type) {
	case *suspicion:
		run := w.truth.runs[v.Replica]
		if run != nil && run.last <= v.Seen {
			w.just[lapseKey+v.Replica+"/"+v.By] = true
		}
	case *lapse:
		w.tally.Lapses++
		if !w.just[key] {
			w.violated("%s follows no suspicion that holds", key)
		}
	}
}

// check asserts the invariants of the processes after every step.
func (w *model) check() {
	open := make(map[identity]*modelConn)
	for _, c := range w.conns {
		p := c.replica
		if c.over || !c.admits || p.crashed {
			continue
		}
		if c.bare.IsZero() || w.hinders(p) || c.attempt.phase == held {
			c.bare = w.now
		}
		if w.now.Sub(c.bare) > modelLease {
			w.violated("%s is open, and has held no claim for a lease: %+v %+v", c.attempt.id, c.attempt, w.truth.claims[c.attempt.id])
		}
		if p.stopped || p.next != w.end || !p.caughtUp || p.remade || c.attempt.phase != held {
			continue
		}
		id := identityOf(c.request)
		if other := open[id]; other != nil {
			w.violated("%v has two connections, %s and %s", id, other.attempt.id, c.attempt.id)
		}
		open[id] = c
		if e := w.truth.claims[c.attempt.id]; e == nil || e.standing != holding {
			w.violated("%s is open, and holds no claim", c.attempt.id)
		}
	}
	for _, p := range w.replicas {
		if len(p.ids) > 1 && !p.crashed {
			w.tally.NewRuns++
			if p.excuse.IsZero() {
				w.violated("%s was given up, and was never stopped", p.server)
			}
		}
	}
	w.checkDead()
}

// hinders tells whether a fault keeps a process from announcing its sessions.
func (w *model) hinders(p *modelReplica) bool {
	return !w.brokerUp || p.stopped || p.remade || !p.caughtUp || w.now.Before(p.lossy)
}

// checkDead asserts that the slots of dead processes become free in time.
func (w *model) checkDead() {
	alive := slices.ContainsFunc(w.replicas, func(p *modelReplica) bool { return !p.crashed && !p.stopped && p.caughtUp })
	w.dead = slices.DeleteFunc(w.dead, func(p *modelReplica) bool {
		if !alive || !w.brokerUp || slices.ContainsFunc(w.replicas, func(p *modelReplica) bool { return w.now.Before(p.lossy) }) {
			p.grace = w.now
			return false
		}
		since := p.diedAt
		if p.grace.After(since) {
			since = p.grace
		}
		if len(p.outgoing) > 0 {
			p.grace = w.now
			return false
		}
		if w.now.Sub(since) < modelLease+5*time.Second+2*time.Second {
			return false
		}
		for _, e := range w.truth.claims {
			if e.standing >= reserved && slices.Contains(p.ids, e.Replica) {
				w.violated("%s has a slot, %s after %s ended", e.id, w.now.Sub(since), p.server)
			}
		}
		return true
	})
}

func identityOf(q Request) identity {
	c := claim{Kind: q.Kind, Group: q.Group, Client: q.Client, Instance: q.Instance}
	return c.identity()
}

// calm ends all faults, and asserts that every client is served and the log holds no record of dead processes.
func (w *model) calm() {
	for _, p := range w.replicas {
		p.until, p.lossy = w.now, w.now
	}
	w.upAgainAt, w.isCalm = w.now, true
	for range int(3 * modelLease / modelStep) {
		w.step()
	}
	for _, c := range w.conns {
		if !c.admits {
			w.violated("%v is neither admitted nor refused", c.request)
		}
	}
	// Lapses are kept by log time, which goes slower than time where the log is quiet.
	for began, now := w.now, w.truth.now; w.truth.now-now < (lapseKept+2)*modelLease; {
		w.step()
		if w.now.Sub(began) > 2*lapseKept*modelLease {
			w.violated("log time has passed by %s in %s", w.truth.now-now, w.now.Sub(began))
		}
		if w.t.Failed() {
			return
		}
	}
	for id, r := range w.truth.runs {
		if !slices.ContainsFunc(w.replicas, func(p *modelReplica) bool { return !p.crashed && p.id == id }) {
			w.violated("run %s is gone, and has left %v, lapse %v", id, inOrder(r.keys), r.lapsed)
		}
	}
	w.checkReports()
	for id, e := range w.truth.claims {
		if e.standing != holding {
			w.violated("claim %s is left with standing %d", id, e.standing)
		}
	}
}
