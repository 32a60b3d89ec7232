package session

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/go-json-experiment/json"
	"golang.org/x/time/rate"
)

const (
	// reportTime is how long a replica waits for the reports of others.
	reportTime = 2 * time.Second
	// turnTime is how long a question may wait for its turn, and for the reports.
	turnTime = 4 * time.Second
	// sharedFor is how old a question may be whose reports are taken for those of the same question.
	sharedFor = time.Second
	// asksEvery and asksAtOnce bound how often a replica asks: a page asks two questions at once, and then pauses.
	asksEvery  = time.Second
	asksAtOnce = 2
	// mostAsking is how many questions of a replica may wait for their turn.
	mostAsking = 16
)

// asker has a replica ask one question at a time.
type asker struct {
	turn    chan struct{} // holds the one whose turn it is
	waiting atomic.Int32
	pace    *rate.Limiter

	// Of the last question; used by the one whose turn it is.
	last    string
	began   time.Time
	reports Reports
}

func newAsker() *asker {
	return &asker{turn: make(chan struct{}, 1), pace: rate.NewLimiter(rate.Every(asksEvery), asksAtOnce)}
}

// ReportBy sets what answers the questions of other replicas. Without it this one is silent.
func (s *Sessions) ReportBy(r Reporter) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reporter = r
}

// Ask asks the other replicas that a question concerns, and waits at most four seconds, and within ctx. Replicas that have not answered
// by then are silent; so are all where too many questions wait, and while a replica of an earlier version lives. A question that was
// asked within the last second is not asked again. The question may name MostAsked sessions.
func (s *Sessions) Ask(ctx context.Context, q Question) Reports {
	ctx, cancel := context.WithTimeout(ctx, turnTime)
	defer cancel()
	defer s.asker.waiting.Add(-1)
	if s.asker.waiting.Add(1) > mostAsking {
		return s.silence(q)
	}
	select {
	case s.asker.turn <- struct{}{}:
		defer func() { <-s.asker.turn }()
		return s.askInTurn(ctx, q)
	case <-ctx.Done():
		return s.silence(q)
	}
}

// askInTurn asks a question, or returns the reports to the same one.
func (s *Sessions) askInTurn(ctx context.Context, q Question) Reports {
	text, err := json.Marshal(q)
	if err != nil {
		return s.silence(q) // a name that is no UTF-8: no replica has it
	}
	a := s.asker
	if a.last == string(text) && time.Since(a.began) < sharedFor {
		return a.reports
	}
	if s.concernsNobody(q) {
		return Reports{}
	}
	if a.pace.Wait(ctx) != nil {
		return s.silence(q)
	}
	a.last, a.began = string(text), time.Now()
	a.reports = s.exchange(ctx, q)
	return a.reports
}

// exchange writes a question, and waits for the reports.
func (s *Sessions) exchange(ctx context.Context, q Question) Reports {
	result := make(chan Reports, 1)
	s.mu.Lock()
	s.replica.inquire(time.Now(), q, func(r Reports) { result <- r })
	s.mu.Unlock()
	timer := time.NewTimer(reportTime)
	defer timer.Stop()
	select {
	case r := <-result:
		return r
	case <-timer.C:
	case <-ctx.Done():
	}
	s.mu.Lock()
	s.replica.endAsking()
	s.mu.Unlock()
	return <-result
}

func (s *Sessions) concernsNobody(q Question) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.replica.concerned(&q)) == 0
}

// silence is the result of a question that was not asked.
func (s *Sessions) silence(q Question) Reports {
	s.mu.Lock()
	defer s.mu.Unlock()
	return (&asking{awaited: s.replica.concerned(&q)}).result()
}
