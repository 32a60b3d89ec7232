package network

import (
	"sync"
	"time"
)

// deadline is a moment that can be set and moved at any time.
type deadline struct {
	mu    sync.Mutex // guards what follows
	timer *time.Timer
	over  chan struct{} // closed when it has passed
	reset chan struct{} // closed when it is moved
}

func newDeadline() *deadline {
	return &deadline{over: make(chan struct{}), reset: make(chan struct{})}
}

// set moves the deadline. The zero time is none.
func (d *deadline) set(at time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.timer != nil {
		d.timer.Stop()
		d.timer = nil
	}
	close(d.reset)
	d.reset = make(chan struct{})
	over := make(chan struct{})
	d.over = over
	if at.IsZero() {
		return
	}
	left := time.Until(at)
	if left <= 0 {
		close(over)
		return
	}
	d.timer = time.AfterFunc(left, func() { close(over) })
}

func (d *deadline) passed() <-chan struct{} {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.over
}

func (d *deadline) moved() <-chan struct{} {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.reset
}
