package network

import (
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"time"
)

// Conn is one end of a connection.
type Conn struct {
	local, remote address
	in, out       *pipe
	read, write   *deadline
	closed        chan struct{}
	closeOnce     sync.Once
	onClose       func()
}

// Pair returns the two ends of a connection. Each direction holds at most size bytes.
func Pair(a, b string, size int) (*Conn, *Conn) {
	there, back := newPipe(size), newPipe(size)
	return newConn(a, b, back, there), newConn(b, a, there, back)
}

func newConn(local, remote string, in, out *pipe) *Conn {
	return &Conn{
		local: address(local), remote: address(remote), in: in, out: out,
		read: newDeadline(), write: newDeadline(), closed: make(chan struct{}),
	}
}

// Read implements net.Conn.
func (c *Conn) Read(b []byte) (int, error) {
	if len(b) == 0 {
		return 0, nil
	}
	n, err := transfer(b, c.in.tryRead, c.read, c.closed, true)
	return n, c.failed("read", err)
}

// Write implements net.Conn.
func (c *Conn) Write(b []byte) (int, error) {
	if len(b) == 0 {
		return 0, nil
	}
	n, err := transfer(b, c.out.tryWrite, c.write, c.closed, false)
	return n, c.failed("write", err)
}

// failed dresses an error as package net does.
func (c *Conn) failed(op string, err error) error {
	switch {
	case err == nil, errors.Is(err, io.EOF):
		return err
	case errors.Is(err, os.ErrClosed):
		err = net.ErrClosed
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		err = os.NewSyscallError(op, err)
	}
	return &net.OpError{Op: op, Net: "tcp", Source: c.local, Addr: c.remote, Err: err}
}

// CloseWrite ends the direction to the peer, which reads what was written and then EOF.
func (c *Conn) CloseWrite() error {
	c.out.update(func() { c.out.fin = true })
	return nil
}

// Close implements net.Conn. As with TCP, the peer learns of it by EOF, or by a reset where
// what it sent was not read.
func (c *Conn) Close() error {
	err := net.ErrClosed
	c.closeOnce.Do(func() {
		err = nil
		close(c.closed)
		unread := c.in.unread()
		c.in.drop(syscall.ECONNRESET)
		c.out.update(func() {
			c.out.fin = true
			if unread {
				c.out.broken = syscall.ECONNRESET
			}
		})
		c.read.set(time.Time{})
		c.write.set(time.Time{})
		if c.onClose != nil {
			c.onClose()
		}
	})
	if err != nil {
		return c.failed("close", os.ErrClosed)
	}
	return nil
}

// Reset ends the connection at once in both directions: what is on its way is lost.
func (c *Conn) Reset() {
	c.out.drop(syscall.ECONNRESET)
	c.in.drop(syscall.ECONNRESET)
	_ = c.Close()
}

// Freeze stops both directions: nothing arrives, and nobody learns of it.
func (c *Conn) Freeze() { c.freeze(true) }

// Thaw lets what has been written arrive.
func (c *Conn) Thaw() { c.freeze(false) }

func (c *Conn) freeze(frozen bool) {
	for _, p := range []*pipe{c.in, c.out} {
		p.update(func() { p.frozen = frozen && p.broken == nil })
	}
}

// Taken returns how many bytes that were written here the peer has read.
func (c *Conn) Taken() int64 {
	c.out.mu.Lock()
	defer c.out.mu.Unlock()
	return c.out.taken
}

// Written returns how many bytes were written here and taken by the network.
func (c *Conn) Written() int64 {
	c.out.mu.Lock()
	defer c.out.mu.Unlock()
	return c.out.taken + int64(len(c.out.data)-c.out.start)
}

// LocalAddr implements net.Conn.
func (c *Conn) LocalAddr() net.Addr { return c.local }

// RemoteAddr implements net.Conn.
func (c *Conn) RemoteAddr() net.Addr { return c.remote }

// SetDeadline implements net.Conn.
func (c *Conn) SetDeadline(t time.Time) error {
	c.read.set(t)
	c.write.set(t)
	return nil
}

// SetReadDeadline implements net.Conn.
func (c *Conn) SetReadDeadline(t time.Time) error {
	c.read.set(t)
	return nil
}

// SetWriteDeadline implements net.Conn.
func (c *Conn) SetWriteDeadline(t time.Time) error {
	c.write.set(t)
	return nil
}

// address implements net.Addr.
type address string

func (address) Network() string  { return "tcp" }
func (a address) String() string { return string(a) }
