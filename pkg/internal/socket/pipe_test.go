package socket

import (
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// endpoint is one end of a connection that buffers as a TCP connection does, without a real
// socket, so that it can be used in a synctest bubble: what was written lies in a buffer of a
// settable size until the other end reads it, a write waits while that is full, deadlines are
// kept, and closing with unread bytes resets the connection.
type endpoint struct {
	in, out         *stream
	readBy, writeBy *deadline
	closed          chan struct{}
	once            sync.Once
}

// newPipe returns the ends of a connection that holds size bytes in each direction.
func newPipe(size int) (a, b *endpoint) {
	forth, back := newStream(size), newStream(size)
	end := func(in, out *stream) *endpoint {
		return &endpoint{in: in, out: out, readBy: newDeadline(), writeBy: newDeadline(), closed: make(chan struct{})}
	}
	return end(back, forth), end(forth, back)
}

// Read implements net.Conn.
func (e *endpoint) Read(p []byte) (int, error) {
	for {
		switch {
		case isOver(e.closed):
			return 0, net.ErrClosed
		case isOver(e.readBy.reached()):
			return 0, os.ErrDeadlineExceeded
		}
		n, changed, err := e.in.take(p)
		if n > 0 || err != nil || len(p) == 0 {
			return n, err
		}
		select {
		case <-changed:
		case <-e.closed:
		case <-e.readBy.reached():
		}
	}
}

// Write implements net.Conn.
func (e *endpoint) Write(p []byte) (written int, err error) {
	for {
		switch {
		case isOver(e.closed):
			return written, net.ErrClosed
		case isOver(e.writeBy.reached()):
			return written, os.ErrDeadlineExceeded
		}
		n, changed, err := e.out.put(p)
		written, p = written+n, p[n:]
		if err != nil {
			e.in.end(errReset, true)
			return written, err
		}
		if len(p) == 0 {
			return written, nil
		}
		select {
		case <-changed:
		case <-e.closed:
		case <-e.writeBy.reached():
		}
	}
}

// Close implements net.Conn.
func (e *endpoint) Close() error {
	e.once.Do(func() {
		close(e.closed)
		if e.in.abandon() {
			e.out.end(errReset, true)
			return
		}
		e.out.end(io.EOF, false)
	})
	return nil
}

// CloseWrite tells the other end that no more bytes come.
func (e *endpoint) CloseWrite() error {
	e.out.end(io.EOF, false)
	return nil
}

func (e *endpoint) LocalAddr() net.Addr  { return &net.TCPAddr{} }
func (e *endpoint) RemoteAddr() net.Addr { return &net.TCPAddr{} }

func (e *endpoint) SetDeadline(t time.Time) error {
	e.readBy.set(t)
	e.writeBy.set(t)
	return nil
}

func (e *endpoint) SetReadDeadline(t time.Time) error {
	e.readBy.set(t)
	return nil
}

func (e *endpoint) SetWriteDeadline(t time.Time) error {
	e.writeBy.set(t)
	return nil
}

var errReset = &net.OpError{Op: "read", Net: "pipe", Err: syscall.ECONNRESET}

// stream is one direction.
type stream struct {
	size int

	mu      sync.Mutex // guards what follows
	held    []byte
	err     error // for the reader, after the bytes held
	gone    bool  // the reader has closed
	changed chan struct{}
}

func newStream(size int) *stream { return &stream{size: size, changed: make(chan struct{})} }

func (s *stream) take(p []byte) (n int, changed <-chan struct{}, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n = copy(p, s.held)
	s.held = s.held[:copy(s.held, s.held[n:])]
	if n > 0 {
		s.notify()
		return n, nil, nil
	}
	return 0, s.changed, s.err
}

func (s *stream) put(p []byte) (n int, changed <-chan struct{}, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.gone || s.err != nil {
		return 0, nil, &net.OpError{Op: "write", Net: "pipe", Err: syscall.EPIPE}
	}
	n = min(len(p), s.size-len(s.held))
	if n > 0 {
		s.held = append(s.held, p[:n]...)
		s.notify()
	}
	return n, s.changed, nil
}

func (s *stream) end(err error, discard bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err == nil || discard {
		s.err = err
	}
	if discard {
		s.held = nil
	}
	s.notify()
}

// abandon tells whether any byte is left unread.
func (s *stream) abandon() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.gone = true
	s.notify()
	return len(s.held) > 0
}

func (s *stream) notify() {
	close(s.changed)
	s.changed = make(chan struct{})
}

// deadline is a deadline that can be changed.
type deadline struct {
	mu    sync.Mutex // guards what follows
	timer *time.Timer
	over  chan struct{}
}

func newDeadline() *deadline { return &deadline{over: make(chan struct{})} }

func (d *deadline) reached() chan struct{} {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.over
}

func (d *deadline) set(t time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.timer != nil && !d.timer.Stop() {
		<-d.over // the timer's function is about to close it, or has
	}
	d.timer = nil
	if isOver(d.over) {
		d.over = make(chan struct{})
	}
	if t.IsZero() {
		return
	}
	over := d.over
	if wait := time.Until(t); wait > 0 {
		d.timer = time.AfterFunc(wait, func() { close(over) })
		return
	}
	close(over)
}

func isOver(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// TestPipe checks the connection that other tests rely on.
func TestPipe(t *testing.T) {
	for name, check := range map[string]func(t *testing.T, a, b *endpoint){
		"a write waits for room": func(t *testing.T, a, b *endpoint) {
			t.Helper()
			done := make(chan error, 1)
			go func() {
				_, err := a.Write([]byte("123456"))
				done <- err
			}()
			synctest.Wait()
			if len(done) > 0 {
				t.Fatal("it did not wait")
			}
			got := make([]byte, 6)
			if _, err := io.ReadFull(b, got); err != nil || string(got) != "123456" || <-done != nil {
				t.Errorf("got %q, %v", got, err)
			}
		},
		"deadlines": func(t *testing.T, a, b *endpoint) {
			t.Helper()
			began := time.Now()
			_ = a.SetDeadline(began.Add(time.Second))
			n, err := a.Write([]byte("123456"))
			if n != 4 || !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(began) != time.Second {
				t.Errorf("wrote %d, %v after %v", n, err, time.Since(began))
			}
			if _, err := a.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("read: %v", err)
			}
			_ = a.SetDeadline(time.Time{})
			_, _ = b.Write([]byte("x"))
			if n, err := a.Read(make([]byte, 1)); n != 1 || err != nil {
				t.Errorf("after the deadline was lifted: %d, %v", n, err)
			}
		},
		"closing gently": func(t *testing.T, a, b *endpoint) {
			t.Helper()
			_, _ = a.Write([]byte("x"))
			_ = a.Close()
			if got, err := io.ReadAll(b); string(got) != "x" || err != nil {
				t.Errorf("got %q, %v", got, err)
			}
		},
		"closing with unread bytes loses what was written": func(t *testing.T, a, b *endpoint) {
			t.Helper()
			_, _ = a.Write([]byte("x"))
			_, _ = b.Write([]byte("y"))
			_ = a.Close()
			if got, err := io.ReadAll(b); len(got) > 0 || !errors.Is(err, syscall.ECONNRESET) {
				t.Errorf("got %q, %v", got, err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a, b := newPipe(4)
				check(t, a, b)
				_, _ = a.Close(), b.Close()
			})
		})
	}
}
