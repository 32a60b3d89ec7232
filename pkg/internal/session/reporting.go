package session

import (
	"slices"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// mostDue is how many questions of others may wait for the next tick. Each replica asks one at a time.
const mostDue = 100

// readQuestion takes a question, or its removal, that was read live. It is answered at the next tick, if it is still the last one of its
// run: who has not read for a while then answers one question for each run, and none that is over.
func (r *replica) readQuestion(by string, q *question) {
	delete(r.due, by)
	if q != nil && by != r.id && slices.Contains(q.To, r.id) && len(r.due) < mostDue {
		r.due[by] = q
	}
}

// answerable is a question of another replica with the connections of this one that it names.
type answerable struct {
	*question

	holders map[string]Holder
}

// takeDue returns the questions that are to be answered now.
func (r *replica) takeDue() (list []answerable) {
	if !r.caughtUp || r.left {
		return nil
	}
	for _, by := range inOrder(r.due) {
		q := r.due[by]
		holders := make(map[string]Holder)
		for _, id := range q.Sessions {
			if a := r.attempts[id]; a != nil && a.holder != nil {
				holders[id] = a.holder
			}
		}
		list = append(list, answerable{q, holders})
	}
	clear(r.due)
	return list
}

// report answers a question.
func (r *replica) report(now time.Time, q *question, body []byte) {
	if r.left || !r.caughtUp || len(body) > MostReported || !jsontext.Value(body).IsValid() {
		return
	}
	r.now = now
	p := &report{By: r.id, To: q.By, Number: q.Number, Body: body}
	r.keep(set(p.key(), p))
}

// answerDue answers the questions of other replicas. The reporter is called without s.mu, which connections need.
func (s *Sessions) answerDue() {
	s.mu.Lock()
	reporter := s.reporter
	if reporter == nil {
		s.mu.Unlock()
		return
	}
	list := s.replica.takeDue()
	s.mu.Unlock()
	for _, one := range list {
		body := reporter(one.Question, one.holders)
		s.mu.Lock()
		s.replica.report(time.Now(), one.question, body)
		s.mu.Unlock()
	}
}
