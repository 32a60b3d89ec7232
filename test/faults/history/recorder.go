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
func (r *Recorder) Open(group string) int {
	return r.OpenAs(Event{Kind: Open, Group: group, Began: time.Now()})
}

// OpenAs is Open with the event that tells it: Open or TailOpen. Began is when the connection was asked
// for: what the proxy looked up for it may be as old as that.
func (r *Recorder) OpenAs(e Event) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.conns++
	e.Conn = r.conns
	r.add(e)
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
