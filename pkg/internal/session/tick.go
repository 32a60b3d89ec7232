package session

import (
	"maps"
	"slices"
	"strings"
	"time"
)

// tick does what is due: heartbeats, takeovers after unanswered probes, suspicions and clean-up.
func (r *replica) tick(now time.Time) {
	if !r.caughtUp {
		return
	}
	if now.Sub(r.beatSent) >= r.settings.Lease/beatsPerLease && !r.beatOpen {
		r.beat(now)
	}
	for _, key := range inOrder(r.probes) {
		a := r.probes[key]
		if !a.probed.IsZero() && now.Sub(a.probed) >= r.settings.ProbeTimeout {
			r.conflict(OutcomeTakeover)
			r.supplant(a, a.rival)
		}
	}
	if r.fenced(now) {
		return
	}
	r.suspect(now)
	r.sweep(now)
	r.tidy(now)
}

// suspect writes a suspicion of each run that has been silent for the lease.
func (r *replica) suspect(now time.Time) {
	for _, id := range inOrder(r.fold.runs) {
		run := r.fold.runs[id]
		silent := r.fold.now-run.heard > r.settings.Lease
		if id == r.id || run.lapsed != nil || !silent || now.Sub(r.suspected[id]) < r.settings.Lease/gapsPerLease {
			continue
		}
		r.suspected[id] = now
		r.write(set(suspicionKey+id+"/"+r.id, &suspicion{Replica: id, Seen: run.last, By: r.id}))
	}
}

// sweep removes the records that lapsed runs have left, and at last their lapses.
func (r *replica) sweep(now time.Time) {
	for _, id := range inOrder(r.fold.runs) {
		run := r.fold.runs[id]
		if run.lapsed == nil || now.Sub(r.swept[id]) < r.settings.Lease/beatsPerLease {
			continue
		}
		age := r.fold.latest.Sub(run.lapsed.at)
		switch {
		case len(run.keys) > 0 && (run.lapsed.by == r.id || age > r.settings.Lease):
			r.removeAll(run.keys)
		case len(run.keys) == 0 && age > lapseKept*r.settings.Lease:
			r.removeAll(run.lapsed.keys)
		default:
			continue
		}
		r.swept[id] = now
	}
	for id := range r.swept {
		if r.fold.runs[id] == nil {
			delete(r.swept, id)
			delete(r.suspected, id)
		}
	}
}

func (r *replica) removeAll(keys map[string]struct{}) {
	for _, key := range inOrder(keys) {
		r.write(remove(key))
	}
}

// inOrder returns the keys of a map, sorted: what a replica does must follow from what it has
// read and from the time alone.
func inOrder[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// tidy removes own records that no attempt needs anymore: their removal was lost in an outage.
func (r *replica) tidy(now time.Time) {
	own := r.fold.runs[r.id]
	if own == nil || now.Sub(r.tidied) < r.settings.Lease/beatsPerLease {
		return
	}
	r.tidied = now
	for _, key := range inOrder(own.keys) {
		wanted := false
		switch {
		case strings.HasPrefix(key, claimKey):
			wanted = r.attempts[strings.TrimPrefix(key, claimKey)] != nil
		case strings.HasPrefix(key, probeKey):
			wanted = r.probes[key] != nil
		case strings.HasPrefix(key, replicaKey):
			wanted = true
		}
		if !wanted {
			r.write(remove(key))
		}
	}
}
