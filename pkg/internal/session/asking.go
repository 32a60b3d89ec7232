package session

import (
	"maps"
	"slices"
	"time"
)

// keptFor is how long a question or a report stays in the log without a later one under its key: longer than anybody waits for it, and
// longer than who asks again and again pauses, so that there is not a removal for each.
const keptFor = 10 * time.Second

// asking is a question of this replica that is under way.
type asking struct {
	number  int64
	awaited map[string]string // names of replicas, by the runs that have not answered
	reports []Report
	done    func(Reports)
}

// inquire asks the runs that a question concerns. done is called once: when all have answered, or by endAsking. There is one question at a
// time.
func (r *replica) inquire(now time.Time, q Question, done func(Reports)) {
	a := &asking{awaited: r.concerned(&q), done: done}
	if len(a.awaited) == 0 || r.left || !r.caughtUp || !r.allReport() {
		done(a.result())
		return
	}
	r.now = now
	r.asked++
	a.number = r.asked
	r.asking = a
	to := inOrder(a.awaited)
	r.keep(set(questionKey+r.id, &question{By: r.id, Number: a.number, To: to[:min(len(to), MostAsked)], Question: q}))
}

// endAsking ends the question that is under way, if there is one.
func (r *replica) endAsking() {
	if a := r.asking; a != nil {
		r.asking = nil
		a.done(a.result())
	}
}

// result returns what was answered, and who was silent.
func (a *asking) result() Reports {
	silent := slices.Sorted(maps.Values(a.awaited))
	return Reports{All: a.reports, Silent: slices.Compact(silent)}
}

// concerned returns the names of the other replicas that a question concerns, by their runs: those that live, where it asks for closes or live readers, else
// those that have its sessions.
func (r *replica) concerned(q *Question) map[string]string {
	found := make(map[string]string)
	if q.Closes != nil || q.Tails != nil {
		for id := range r.fold.runs {
			if id != r.id && r.lives(id) {
				found[id] = r.fold.nameOf(id)
			}
		}
	}
	for _, id := range q.Sessions {
		if e := r.fold.claims[id]; e != nil && e.standing == holding && e.Replica != r.id {
			found[e.Replica] = e.Server
		}
	}
	return found
}

// allReport tells whether all replicas that live know what a question is. Nothing is asked while one does not: it would take each question
// for a record that is not the proxy's.
func (r *replica) allReport() bool {
	for id, run := range r.fold.runs {
		if id != r.id && r.lives(id) && !run.reports {
			return false
		}
	}
	return true
}

// lives tells whether a run of another replica lives, as far as the log tells.
func (r *replica) lives(id string) bool {
	run := r.fold.runs[id]
	return run != nil && run.lapsed == nil && r.fold.now-run.heard <= r.leaseOf(run)
}

// readReport takes the answer of a run to the question that is under way.
func (r *replica) readReport(p *report) {
	a := r.asking
	if a == nil || p.To != r.id || p.Number != a.number {
		return
	}
	name, is := a.awaited[p.By]
	if !is {
		return
	}
	delete(a.awaited, p.By)
	a.reports = append(a.reports, Report{Replica: name, Body: p.Body})
	if len(a.awaited) == 0 {
		r.endAsking()
	}
}

// keep writes a record that stays in the log for a while, and is not written again if it is lost.
func (r *replica) keep(record Record) {
	r.kept[record.Key] = r.now
	r.write([]Record{record}, ignore)
}

// dropKept removes the questions and reports whose time is over.
func (r *replica) dropKept() {
	for _, key := range inOrder(r.kept) {
		if r.now.Sub(r.kept[key]) > keptFor {
			delete(r.kept, key)
			r.put(key)
		}
	}
}
