package socket

import (
	"crypto/tls"
	"errors"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// Stream is the socket itself, below TLS where there is any. Until a Conn takes it over, it only
// passes calls on. From then on Write does not wait for the peer: what the socket does not take at once is kept, until
// the writer of the Conn waits for the peer in flush. So nobody waits who holds a lock of crypto/tls, which also cannot be
// used after a failed write, and does not tell how many bytes of it were taken: the peer's progress is watched here, where
// every byte taken counts.
//
// With TLS both the reader and the writer of a connection write to it, since crypto/tls answers
// some of what it reads itself. It never lets both write at once.
type Stream struct {
	net.Conn
	owner atomic.Pointer[Conn]

	mu       sync.Mutex // guards what follows
	unsent   []byte     // what the socket did not take at once
	flushing bool       // whether what was kept before unsent is being written
	attempt  *attempt   // nil where the socket cannot be asked what it takes at once
}

// maxUnsent bounds what Write keeps. The writer leaves at most a piece, crypto/tls answers of some bytes to a peer that
// reads nothing.
const maxUnsent = 1 << 20

// errUnread ends a connection whose peer has crypto/tls answer much and reads nothing of it.
var errUnread = errors.New("the peer does not read the answers of TLS")

// streams is a listener that wraps accepted connections in a Stream, for TLS on top.
type streams struct{ net.Listener }

// ListenTLS returns a listener of TLS connections whose writes may be held up for long.
func ListenTLS(inner net.Listener, c *tls.Config) net.Listener {
	return tls.NewListener(streams{inner}, c)
}

// Accept implements net.Listener.
func (l streams) Accept() (net.Conn, error) {
	raw, err := l.Listener.Accept()
	if err != nil {
		return nil, err // not wrapped: http.Server checks its type
	}
	return &Stream{Conn: raw}, nil
}

// errForeignTLS is a bug in the program.
var errForeignTLS = errors.New("the connection has TLS and does not come from ListenTLS")

// streamOf returns the stream of a connection, and the connection on top of it.
func streamOf(raw net.Conn) (*Stream, net.Conn, error) {
	secure, ok := raw.(*tls.Conn)
	if !ok {
		s := &Stream{Conn: raw}
		return s, s, nil
	}
	if s, ok := secure.NetConn().(*Stream); ok {
		return s, raw, nil
	}
	return nil, nil, errForeignTLS
}

// Read implements net.Conn. Every byte is a sign of life, even one of an incomplete TLS record.
func (s *Stream) Read(p []byte) (int, error) {
	n, err := s.Conn.Read(p)
	if c := s.owner.Load(); n > 0 && c != nil {
		c.heard()
	}
	return n, err
}

// own has the stream watch the peer for a Conn.
func (s *Stream) own(c *Conn) {
	s.attempt = newAttempt(s.Conn)
	s.owner.Store(c)
}

// Write implements net.Conn. It takes p whole, unless the connection is broken.
func (s *Stream) Write(p []byte) (written int, err error) {
	c := s.owner.Load()
	if c == nil {
		return s.Conn.Write(p)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	if len(s.unsent) == 0 && !s.flushing {
		if n, err = s.attempt.write(p); err != nil {
			return n, err
		}
	}
	if n == len(p) {
		return n, nil
	}
	if len(s.unsent)+len(p)-n > maxUnsent {
		return n, errUnread
	}
	s.unsent = append(s.unsent, p[n:]...)
	c.wakeWriter()
	return len(p), nil
}

// kept returns how many bytes the socket has not taken of what was written.
func (s *Stream) kept() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.unsent)
}

// flush waits until the socket has taken all that was written, unless the connection breaks or is given up. Only the
// writer calls it, and who ends the connection after it.
func (s *Stream) flush(c *Conn) error {
	for {
		s.mu.Lock()
		p := s.unsent
		s.unsent, s.flushing = nil, len(p) > 0
		s.mu.Unlock()
		if len(p) == 0 {
			return nil
		}
		if err := s.wait(c, p); err != nil {
			return err
		}
	}
}

// send writes p whole, without TLS, unless the connection breaks or is given up. Only the writer calls it.
func (s *Stream) send(c *Conn, p []byte) error {
	if err := s.flush(c); err != nil {
		return err
	}
	s.mu.Lock()
	n, err := s.attempt.write(p)
	s.mu.Unlock()
	if err != nil || n == len(p) {
		return err
	}
	return s.wait(c, p[n:])
}

// wait writes p, and waits for the peer.
func (s *Stream) wait(c *Conn, p []byte) error {
	defer c.clearWriteDeadline(s.Conn)
	lastTaken := time.Now()
	for {
		if err := c.setWriteDeadline(s.Conn, lastTaken); err != nil {
			return err
		}
		n, err := s.Conn.Write(p)
		p = p[n:]
		if err == nil || !errors.Is(err, os.ErrDeadlineExceeded) {
			return err //nolint:wrapcheck // the connection is over
		}
		if n > 0 {
			lastTaken = time.Now()
		}
		if c.giveUp(lastTaken) || acksNothing(s.Conn, c.settings.PingInterval+c.settings.PongTimeout) {
			return err //nolint:wrapcheck // the connection is over
		}
	}
}

// attempt writes as much as a socket takes at once.
type attempt struct {
	socket syscall.RawConn
	try    func(fd uintptr) (done bool) // made once
	bytes  []byte
	n      int
	err    error
}

// newAttempt returns nil where the socket has no descriptor.
func newAttempt(socket net.Conn) *attempt {
	described, ok := socket.(syscall.Conn)
	if !ok {
		return nil
	}
	raw, err := described.SyscallConn()
	if err != nil {
		return nil
	}
	a := &attempt{socket: raw}
	a.try = a.writeOnce
	return a
}

// write returns how many bytes the socket has taken.
func (a *attempt) write(p []byte) (n int, err error) {
	if a == nil || len(p) == 0 {
		return 0, nil
	}
	a.bytes, a.n, a.err = p, 0, nil
	err = a.socket.Write(a.try)
	a.bytes = nil
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded): // of a write before
		return 0, nil
	case err != nil:
		return 0, err //nolint:wrapcheck // the connection is over
	}
	return a.n, a.err
}

// CloseWrite tells a peer without TLS that no more bytes come.
func (s *Stream) CloseWrite() error {
	if half, ok := s.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}
