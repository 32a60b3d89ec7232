package history

import (
	"slices"
	"sync"
	"time"
)

// Recorder collects events from any number of goroutines. The order in which they are
// recorded is the order that a checker relies on: what causes another event must be recorded
// before it can.
type Recorder struct {
	mu     sync.Mutex
	events []Event
	conns  int
}

// Open records a new connection and returns its number. group is empty on a producing one.
func (r *Recorder) Open(group string) int { return r.OpenSince(group, time.Now()) }

// OpenSince is Open for a connection that was asked for at a time before: what the proxy looked up
// for it may be as old as that.
func (r *Recorder) OpenSince(group string, began time.Time) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.conns++
	r.add(Event{Kind: Open, Conn: r.conns, Group: group, Began: began})
	return r.conns
}

// Add records an event now.
func (r *Recorder) Add(e Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.add(e)
}

func (r *Recorder) add(e Event) {
	e.At = time.Now()
	r.events = append(r.events, e)
}

// Events returns all that was recorded until now.
func (r *Recorder) Events() []Event {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.events)
}
