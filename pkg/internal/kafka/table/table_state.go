package table

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/cluster"
)

// tableStale is how long Kafka may not answer before a table that has read everything is no longer up to
// date. Kafka answers a fetch at least once in tableFetchWaitMillis, and the planned move of a leader
// takes less.
const tableStale = 3 * time.Second

var (
	errTableOpening   = errors.New("opening the topic")
	errTableReplaying = errors.New("replaying")
)

// tableState is the state that a table reports.
type tableState struct {
	next, end atomic.Int64 // the next offset to read, and the end offset of the log

	mu       sync.Mutex // guards what follows
	phase    error      // why not everything was read; nil if it was
	problem  error      // of the last attempt; nil if that succeeded
	answered time.Time  // when Kafka last answered
}

// begin notes that not everything was read.
func (s *tableState) begin(phase error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.phase, s.problem = phase, nil
}

// caughtUp notes that everything was read.
func (s *tableState) caughtUp() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.phase = nil
}

// trouble notes a failed attempt, and reports whether it is the first after a success.
func (s *tableState) trouble(problem error) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	first := s.problem == nil
	s.problem = problem
	return first
}

// progress notes an answer of Kafka, and reports whether it ended a series of failures.
func (s *tableState) progress(next, end int64) bool {
	s.next.Store(next)
	s.end.Store(end)
	s.mu.Lock()
	defer s.mu.Unlock()
	ended := s.problem != nil
	s.problem, s.answered = nil, time.Now()
	return ended
}

func (s *tableState) ready(now time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.phase == nil && now.Sub(s.answered) <= tableStale:
		return nil
	case s.problem != nil:
		return s.problem
	case s.phase != nil:
		return s.phase
	default:
		return cluster.ErrNoBroker
	}
}

func (s *tableState) lag() int64 {
	next := s.next.Load()
	return max(0, s.end.Load()-next)
}

// explain converts the reason why a topic cannot be read now into an error for clients and logs.
func (t *Table) explain(err error) error {
	_, refused := errors.AsType[*kerr.Error](err)
	switch {
	case errors.Is(err, kerr.TopicAuthorizationFailed), errors.Is(err, kerr.ClusterAuthorizationFailed):
		return fmt.Errorf("the use of topic %s is not authorised by Kafka: %w", t.options.Topic, err)
	case refused:
		return fmt.Errorf("topic %s is not served now: %w", t.options.Topic, err)
	case errors.Is(err, errTableUndecodable):
		return err
	default:
		return cluster.ErrNoBroker
	}
}
