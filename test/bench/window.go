package main

import "sync"

// maxInFlight is how many messages the load client leaves unanswered: as many as the proxy
// takes by default.
const maxInFlight = 4096

// window keeps count of the messages without an answer.
type window struct {
	mu     sync.Mutex
	change sync.Cond
	open   int
	over   bool
}

func newWindow() *window {
	w := &window{}
	w.change.L = &w.mu
	return w
}

// acquire waits until n more messages may be sent. It returns false when reading is over.
func (w *window) acquire(n int) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	for w.open+n > maxInFlight && !w.over {
		w.change.Wait()
	}
	w.open += n
	return !w.over
}

// release notes n answers.
func (w *window) release(n int) {
	w.mu.Lock()
	w.open -= n
	w.mu.Unlock()
	w.change.Signal()
}

// end lets a waiting acquire go.
func (w *window) end() {
	w.mu.Lock()
	w.over = true
	w.mu.Unlock()
	w.change.Signal()
}
