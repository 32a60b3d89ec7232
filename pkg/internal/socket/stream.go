package socket

import (
	"crypto/tls"
	"errors"
	"net"
	"os"
	"sync/atomic"
	"time"
)

// Stream is the socket itself, below TLS where there is any. Until a Conn takes it over, it only
// passes calls on. From then on a write waits for the peer until the Conn gives it up, and does not
// fail before: crypto/tls cannot be used after a failed write, and does not tell how many bytes of it
// were taken. So the peer's progress is watched here, where every byte taken counts.
//
// With TLS both the reader and the writer of a connection write to it, since crypto/tls answers
// some of what it reads itself. It never lets both write at once.
type Stream struct {
	net.Conn
	owner atomic.Pointer[Conn]
}

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

// Write implements net.Conn. It writes p whole, unless the connection breaks or is given up.
func (s *Stream) Write(p []byte) (written int, err error) {
	c := s.owner.Load()
	if c == nil {
		return s.Conn.Write(p)
	}
	lastTaken := time.Now()
	for {
		if err := c.setWriteDeadline(s.Conn, lastTaken); err != nil {
			return written, err
		}
		n, err := s.Conn.Write(p[written:])
		written += n
		if err == nil || !errors.Is(err, os.ErrDeadlineExceeded) {
			return written, err
		}
		if n > 0 {
			lastTaken = time.Now()
		}
		if c.giveUp(lastTaken) || acksNothing(s.Conn, c.settings.PingInterval+c.settings.PongTimeout) {
			return written, err
		}
	}
}

// CloseWrite tells a peer without TLS that no more bytes come.
func (s *Stream) CloseWrite() error {
	if half, ok := s.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}
