package network

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

const size = 1 << 20

// bubble runs f in virtual time, with the two ends of a connection.
func bubble(t *testing.T, f func(t *testing.T, a, b *Conn)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		a, b := Pair("a", "b", size)
		f(t, a, b)
		_ = a.Close()
		_ = b.Close()
	})
}

func write(t *testing.T, c *Conn, n int) {
	t.Helper()
	if wrote, err := c.Write(make([]byte, n)); wrote != n || err != nil {
		t.Fatalf("wrote %d of %d bytes: %v", wrote, n, err)
	}
}

func TestBytesArriveInOrder(t *testing.T) {
	bubble(t, func(t *testing.T, a, b *Conn) {
		sent := make([]byte, 5*size/2)
		for i := range sent {
			sent[i] = byte(i * 7 >> 3)
		}
		go func() {
			_, _ = a.Write(sent)
			_ = a.CloseWrite()
		}()
		got, err := io.ReadAll(b)
		if err != nil || !bytes.Equal(got, sent) {
			t.Errorf("%d bytes of %d arrived, the same: %v, %v", len(got), len(sent), bytes.Equal(got, sent), err)
		}
		if a.Taken() != int64(len(sent)) {
			t.Errorf("%d bytes were taken, want %d", a.Taken(), len(sent))
		}
	})
}

func TestWritingNeedsNoReaderUntilTheBufferIsFull(t *testing.T) {
	bubble(t, func(t *testing.T, a, b *Conn) {
		write(t, a, size)
		_ = a.SetWriteDeadline(time.Now().Add(time.Second))
		began := time.Now()
		n, err := a.Write(make([]byte, 10))
		if n != 0 || !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(began) != time.Second {
			t.Errorf("a full connection took %d bytes after %s: %v", n, time.Since(began), err)
		}
		if _, err := b.Read(make([]byte, 4)); err != nil {
			t.Fatal(err)
		}
		_ = a.SetWriteDeadline(time.Time{})
		write(t, a, 4)
	})
}

func TestDeadlineMovesUnderAWaitingReader(t *testing.T) {
	bubble(t, func(t *testing.T, a, _ *Conn) {
		_ = a.SetReadDeadline(time.Now().Add(time.Hour))
		began := time.Now()
		time.AfterFunc(time.Second, func() { _ = a.SetReadDeadline(time.Unix(1, 0)) })
		_, err := a.Read(make([]byte, 1))
		var network net.Error
		if !errors.As(err, &network) || !network.Timeout() || time.Since(began) != time.Second {
			t.Errorf("the read ended after %s: %v", time.Since(began), err)
		}
	})
}

func TestEndings(t *testing.T) {
	cases := map[string]struct {
		end       func(a, b *Conn)
		arrives   int   // bytes of the three that were written
		read      error // then
		writeBack error
	}{
		"half-closed":              {func(a, _ *Conn) { _ = a.CloseWrite() }, 3, io.EOF, nil},
		"closed":                   {func(a, _ *Conn) { _ = a.Close() }, 3, io.EOF, syscall.ECONNRESET},
		"closed with bytes unread": {func(a, b *Conn) { _, _ = b.Write([]byte{1}); _ = a.Close() }, 3, syscall.ECONNRESET, syscall.ECONNRESET},
		"reset":                    {func(a, _ *Conn) { a.Reset() }, 0, syscall.ECONNRESET, syscall.ECONNRESET},
		"closed here":              {func(_, b *Conn) { _ = b.Close() }, 0, net.ErrClosed, net.ErrClosed},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, a, b *Conn) {
				write(t, a, 3)
				c.end(a, b)
				got, err := io.ReadAll(b)
				if errors.Is(c.read, io.EOF) {
					c.read = nil // io.ReadAll swallows it
				}
				if len(got) != c.arrives || !errors.Is(err, c.read) {
					t.Errorf("read %d bytes, then %v", len(got), err)
				}
				if _, err := b.Write([]byte{1}); !errors.Is(err, c.writeBack) {
					t.Errorf("writing back: %v", err)
				}
			})
		})
	}
}

func TestFrozen(t *testing.T) {
	bubble(t, func(t *testing.T, a, b *Conn) {
		b.Freeze()
		write(t, a, 3)
		_ = a.CloseWrite()
		_ = b.SetReadDeadline(time.Now().Add(time.Minute))
		if n, err := b.Read(make([]byte, 3)); n != 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("read %d bytes through a frozen connection: %v", n, err)
		}
		_ = b.SetReadDeadline(time.Time{})
		time.AfterFunc(time.Second, a.Thaw)
		if got, err := io.ReadAll(b); len(got) != 3 || err != nil {
			t.Errorf("read %d bytes after the thaw: %v", len(got), err)
		}
	})
}

func TestHosts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := New(size)
		server, client := n.Host("server"), n.Host("client")
		l, err := server.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		here, err := client.Connect(l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		there, err := l.Accept()
		if err != nil || there.LocalAddr().String() != l.Addr().String() {
			t.Fatalf("accepted a connection at %v: %v", there.LocalAddr(), err)
		}
		if _, err := client.Connect(l.Addr().String()); err != nil {
			t.Fatal(err)
		}
		if d, a := len(client.Conns(true)), len(server.Conns(false)); d != 2 || a != 2 {
			t.Errorf("%d connections dialled and %d accepted, want 2 and 2", d, a)
		}
		write(t, here, 1)
		server.Kill()
		if _, err := here.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("reading from a killed host: %v", err)
		}
		if _, err := l.Accept(); !errors.Is(err, net.ErrClosed) {
			t.Errorf("accepting on a killed host: %v", err)
		}
		if _, err := client.Connect(l.Addr().String()); !errors.Is(err, syscall.ECONNREFUSED) {
			t.Errorf("connecting to a killed host: %v", err)
		}
		if _, err := server.Dial(t.Context(), "tcp", l.Addr().String()); !errors.Is(err, syscall.ECONNREFUSED) {
			t.Errorf("dialling from a killed host: %v", err)
		}
		_ = here.Close()
		if left := len(server.Conns(false)) + len(server.Conns(true)); left != 0 {
			t.Errorf("a killed host has %d connections", left)
		}
		for _, c := range client.Conns(true) {
			_ = c.Close()
		}
	})
}
