//go:build unix

package real

import (
	"errors"
	"net"
	"sync"
	"time"
)

// wire is a client's TCP connection, which the suite can end or stop from outside.
type wire struct {
	*net.TCPConn
	gone func(*wire) // is told of the end

	mu        sync.Mutex // guards what follows
	frozen    chan struct{}
	cut       bool
	abandoned bool
}

var errCut = errors.New("the suite has cut the connection")

// Read implements net.Conn.
func (w *wire) Read(b []byte) (int, error) {
	if w.hold() {
		return 0, errCut
	}
	n, err := w.TCPConn.Read(b)
	if w.hold() {
		return 0, errCut
	}
	return n, err
}

// Write implements net.Conn.
func (w *wire) Write(b []byte) (int, error) {
	if w.hold() {
		return 0, errCut
	}
	w.mu.Lock()
	cut := w.cut
	w.mu.Unlock()
	if !cut {
		return w.TCPConn.Write(b)
	}
	n, _ := w.TCPConn.Write(b[:len(b)/2])
	w.Reset()
	return n, errCut
}

// hold waits while the wire is frozen, and tells whether it is dead to the client.
func (w *wire) hold() (dead bool) {
	w.mu.Lock()
	frozen := w.frozen
	w.mu.Unlock()
	if frozen != nil {
		<-frozen
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.abandoned
}

// Freeze implements workload.Wire.
func (w *wire) Freeze() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.frozen == nil {
		w.frozen = make(chan struct{})
	}
}

// thaw lets a frozen wire go on.
func (w *wire) thaw() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.frozen != nil {
		close(w.frozen)
		w.frozen = nil
	}
}

// cutNext has the next write end in its middle, with RST.
func (w *wire) cutNext() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.cut = true
}

// abandon ends the wire for the client alone. The proxy is not told, and nobody reads what it
// sends, until bury.
func (w *wire) abandon() {
	w.mu.Lock()
	w.abandoned = true
	w.mu.Unlock()
	_ = w.SetDeadline(time.Unix(1, 0))
}

func (w *wire) bury() { _ = w.TCPConn.Close() }

// Close implements net.Conn.
func (w *wire) Close() error { return w.end(w.TCPConn.Close) }

// Reset implements workload.Wire.
func (w *wire) Reset() {
	_ = w.end(func() error {
		_ = w.SetLinger(0)
		return w.TCPConn.Close()
	})
}

// CloseWrite implements workload.Wire.
func (w *wire) CloseWrite() error {
	if w.hold() {
		return nil
	}
	return w.TCPConn.CloseWrite()
}

func (w *wire) end(how func() error) error {
	w.gone(w)
	w.thaw()
	if w.hold() {
		return nil
	}
	return how()
}
