package limit

import (
	"errors"
	"fmt"
	"sync"
)

// The window of one producing connection. MaxMessages is the default of what can be
// configured, MaxBytes is fixed.
const (
	MaxMessages = 4096
	MaxBytes    = 16 << 20
)

// ErrGivenUp is what Acquire returns when its connection ended before the request fitted.
var ErrGivenUp = errors.New("the connection ended while it waited for its in-flight window")

// Window bounds the messages, and their bytes, that one connection has in flight. One goroutine, the
// connection's reader, calls Acquire; any goroutine may call the other methods.
type Window struct {
	maxMessages int // fixed after construction, as maxBytes
	maxBytes    int64
	released    chan struct{} // one token: something was released since Acquire began to wait

	mu       sync.Mutex
	messages int // guarded by mu, as all below
	bytes    int64
	waiting  bool // whether Acquire waits
}

// NewWindow returns an empty window of at most maxMessages messages and maxBytes bytes.
func NewWindow(maxMessages int, maxBytes int64) *Window {
	return &Window{maxMessages: maxMessages, maxBytes: maxBytes, released: make(chan struct{}, 1)}
}

// Acquire takes messages and bytes from the window, and blocks while they do not fit. A request larger
// than the whole window fits when the window is empty. It returns ErrGivenUp if done is closed while it
// waits; what fits at once is taken without checking done.
func (w *Window) Acquire(done <-chan struct{}, messages int, bytes int64) error {
	for !w.take(messages, bytes) {
		select {
		case <-w.released:
		case <-done:
			return ErrGivenUp
		}
	}
	return nil
}

// TryAcquire is Acquire where the request fits at once.
func (w *Window) TryAcquire(messages int, bytes int64) bool { return w.take(messages, bytes) }

func (w *Window) take(messages int, bytes int64) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	fits := w.messages+messages <= w.maxMessages && w.bytes+bytes <= w.maxBytes
	if !fits && !w.isEmpty() {
		w.waiting = true
		return false
	}
	w.waiting = false
	w.messages += messages
	w.bytes += bytes
	return true
}

// Release gives back what was acquired, in any portions. It panics if that is more than is held: a wrong
// count would stay wrong.
func (w *Window) Release(messages int, bytes int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if messages > w.messages || bytes > w.bytes {
		panic(fmt.Sprintf("limit: %d messages of %d bytes released, only %d of %d are held",
			messages, bytes, w.messages, w.bytes))
	}
	w.messages -= messages
	w.bytes -= bytes
	w.wake()
}

// wake wakes a waiting Acquire. w.mu is held.
func (w *Window) wake() {
	if w.waiting {
		select {
		case w.released <- struct{}{}:
		default:
		}
	}
}

// isEmpty tells whether nothing is in flight. w.mu is held.
func (w *Window) isEmpty() bool { return w.messages == 0 && w.bytes == 0 }

// Held returns what is in flight.
func (w *Window) Held() (messages int, bytes int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.messages, w.bytes
}
