package session

import "strings"

// askOthers has a process ask the others now and then, and answer what it was asked.
func (p *modelReplica) askOthers() {
	for _, one := range p.takeDue() {
		p.report(p.w.now, one.question, []byte(`"told"`))
	}
	if p.w.rand.IntN(50) > 0 {
		return
	}
	p.endAsking()
	p.inquire(p.w.now, Question{Closes: &EndsOfWhom{Limit: 1}}, func(r Reports) { p.w.tally.Reports += len(r.All) })
}

// checkReports asserts that questions and reports do not stay in the log.
func (w *model) checkReports() {
	for key := range w.truth.owners {
		if strings.HasPrefix(key, questionKey) || strings.HasPrefix(key, reportKey) {
			w.violated("%s is left", key)
		}
	}
}
