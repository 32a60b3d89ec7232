package session

import (
	"maps"
	"slices"
	"time"
)

// tick does what is due: heartbeats, takeovers after unanswered probes, what the log lacks, suspicions and
// clean-up.
func (r *replica) tick(now time.Time) {
	if r.left {
		return
	}
	since := now.Sub(r.ticked)
	r.now, r.ticked = now, now
	if (r.caughtUp || r.beats > 0) && r.isBeatDue() { // in a later replay, too, lest the replica lapse
		r.beat()
	}
	if !r.caughtUp {
		return
	}
	r.judgeProbes()
	r.dropKept()
	r.reconcile()
	r.endCutOff()
	r.endSome(since)
	if r.isFenced(now) {
		return
	}
	r.suspect()
	r.sweep()
}

// suspect writes a suspicion of each run that has been silent for its lease.
func (r *replica) suspect() {
	for _, id := range inOrder(r.fold.runs) {
		run := r.fold.runs[id]
		silent := r.fold.now-run.heard > r.leaseOf(run)
		if id == r.id || run.lapsed != nil || !silent || r.now.Sub(r.suspected[id]) < r.settings.interval() {
			continue
		}
		r.suspected[id] = r.now
		r.write([]Record{set(suspicionKey+id+"/"+r.id, &suspicion{Replica: id, Seen: run.last, By: r.id})}, ignore)
	}
}

// sweep removes the records that lapsed runs have left, and at last their lapses.
func (r *replica) sweep() {
	for _, id := range inOrder(r.fold.runs) {
		run := r.fold.runs[id]
		if run.lapsed == nil || r.now.Sub(r.swept[id]) < r.settings.interval() {
			continue
		}
		age, lease := r.fold.now-run.lapsed.at, r.leaseOf(run)
		switch {
		case len(run.keys) > 0 && (run.lapsed.by == r.id || age > lease):
			r.removeAll(run.keys)
		case len(run.keys) == 0 && age > lapseKept*lease:
			r.removeAll(run.lapsed.keys)
		default:
			continue
		}
		r.swept[id] = r.now
	}
	isGone := func(id string) bool { return r.fold.runs[id] == nil }
	maps.DeleteFunc(r.swept, func(id string, _ time.Time) bool { return isGone(id) })
	maps.DeleteFunc(r.suspected, func(id string, _ time.Time) bool { return isGone(id) })
	maps.DeleteFunc(r.gone, func(id string, _ int64) bool { return isGone(id) })
}

// sweptAtOnce is how many records of a lapsed run are removed at a time.
const sweptAtOnce = 5000

func (r *replica) removeAll(keys map[string]struct{}) {
	list := inOrder(keys)
	for _, key := range list[:min(len(list), sweptAtOnce)] {
		r.write([]Record{remove(key)}, ignore)
	}
}

// inOrder returns the keys of a map, sorted: what a replica does must follow from what it has
// read and from the time alone.
func inOrder[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
