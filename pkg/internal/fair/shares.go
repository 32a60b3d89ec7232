package fair

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
)

// ErrCrowded is what Take returns if too many callers wait already.
var ErrCrowded = errors.New("too many are waiting")

// Shares are places that clients share by a key, their address. A client that holds places gets another
// one only while more of them are free than it holds, so that whoever holds the most always leaves some
// to others. The empty key is that of the proxy itself, and takes any free place. Waiting clients are
// served round-robin by key, however many of a key wait.
//
// Invariants:
//
//   - never more places are taken than there are;
//   - a key that holds none gets one at once while one is free;
//   - a key gets its next place after at most one turn of each other key that waits.
type Shares struct {
	places int // 0 is no limit
	queue  int // most that may wait

	mu      sync.Mutex // guards what follows
	taken   int
	held    map[string]int
	waiting map[string][]*turn
	keys    []string // those that wait, the next one first
	waiters int
}

// turn is a waiting Take. Its outcome is set before done is closed.
type turn struct {
	done    chan struct{}
	outcome error
}

// NewShares returns Shares of places, without a limit if places is 0, for which at most queue callers may
// wait.
func NewShares(places, queue int) *Shares {
	return &Shares{places: places, queue: queue, held: make(map[string]int), waiting: make(map[string][]*turn)}
}

// TryTake takes a place if there is one for the key now. Give gives it back.
func (s *Shares) TryTake(key string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.free(key) {
		return false
	}
	s.take(key)
	return true
}

// Take takes a place, and waits for it if necessary. The error is ErrCrowded or the context's, wrapped.
func (s *Shares) Take(ctx context.Context, key string) error {
	mine, err := s.join(key)
	if mine == nil {
		return err
	}
	select {
	case <-mine.done:
		return mine.outcome
	case <-ctx.Done():
	}
	if s.abandon(key, mine) {
		return fmt.Errorf("waiting for a place: %w", ctx.Err())
	}
	<-mine.done // it was decided meanwhile
	return mine.outcome
}

// Give gives a place back that was taken by the key.
func (s *Shares) Give(key string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.taken--
	if s.held[key]--; s.held[key] <= 0 {
		delete(s.held, key)
	}
	s.serve()
}

// Taken returns how many places are taken.
func (s *Shares) Taken() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.taken
}

// free tells whether a key may have another place. s.mu is held.
func (s *Shares) free(key string) bool {
	left := s.places - s.taken
	return s.places == 0 || left > 0 && (key == "" || s.held[key] == 0 || s.held[key] < left)
}

// take counts a place as taken. s.mu is held.
func (s *Shares) take(key string) {
	s.taken++
	s.held[key]++
}

// join takes a place, or returns a turn to wait for.
func (s *Shares) join(key string) (*turn, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.free(key) {
		s.take(key)
		return nil, nil
	}
	if s.waiters >= s.queue && !s.makeRoom(key) {
		return nil, ErrCrowded
	}
	mine := &turn{done: make(chan struct{})}
	if len(s.waiting[key]) == 0 {
		s.keys = append(s.keys, key)
	}
	s.waiting[key] = append(s.waiting[key], mine)
	s.waiters++
	return mine, nil
}

// makeRoom refuses the last waiter of the key that has the most waiters, unless key would have as many
// with a new one. It tells whether there is room. s.mu is held.
func (s *Shares) makeRoom(key string) bool {
	heaviest := key
	for _, other := range s.keys {
		if len(s.waiting[other]) > len(s.waiting[heaviest]) {
			heaviest = other
		}
	}
	if len(s.waiting[heaviest]) <= len(s.waiting[key])+1 {
		return false
	}
	last := s.waiting[heaviest][len(s.waiting[heaviest])-1]
	s.leave(heaviest, last)
	last.decide(ErrCrowded)
	return true
}

// serve gives free places to waiters, round-robin by key. s.mu is held.
func (s *Shares) serve() {
	for i := 0; i < len(s.keys); {
		key := s.keys[i]
		if !s.free(key) {
			i++
			continue
		}
		next := s.waiting[key][0]
		s.leave(key, next)
		if len(s.waiting[key]) > 0 { // its next turn comes after the others'
			s.keys = append(slices.Delete(s.keys, i, i+1), key)
		}
		s.take(key)
		next.decide(nil)
		i = 0
	}
}

// abandon ends a wait, unless it is decided.
func (s *Shares) abandon(key string, mine *turn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case <-mine.done:
		return false
	default:
		s.leave(key, mine)
		return true
	}
}

// leave takes a turn out of the queue of its key. s.mu is held.
func (s *Shares) leave(key string, gone *turn) {
	s.waiters--
	s.waiting[key] = slices.DeleteFunc(s.waiting[key], func(t *turn) bool { return t == gone })
	if len(s.waiting[key]) == 0 {
		delete(s.waiting, key)
		s.keys = slices.DeleteFunc(s.keys, func(k string) bool { return k == key })
	}
}

func (t *turn) decide(outcome error) {
	t.outcome = outcome
	close(t.done)
}
