package loadclient

import (
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// socket is a plain one.
type socket struct {
	stream
	request []byte // not sent yet
}

// take lets a socket go on that is ready for it.
func (p *pool) take(fd int) {
	s := p.sockets[fd]
	wasOpen := s.opened
	err := p.step(fd, s)
	if !wasOpen && (s.opened || err != nil) {
		p.opening--
	}
	if err != nil {
		delete(p.sockets, fd)
		p.tally.lose(errors.Join(err, unix.Close(fd)))
	}
}

func (p *pool) step(fd int, s *socket) error {
	if s.request != nil {
		return p.send(fd, s)
	}
	n, err := unix.Read(fd, p.buffer)
	switch {
	case errors.Is(err, unix.EAGAIN), errors.Is(err, unix.EINTR):
		return nil
	case err != nil:
		return fmt.Errorf("reading from the proxy: %w", err)
	case n == 0:
		return fmt.Errorf("reading from the proxy: it hung up, after %q", s.answer)
	}
	back, err := s.take(time.Now(), p.buffer[:n])
	if err != nil || len(back) == 0 {
		return err
	}
	return write(fd, back)
}

// send sends the handshake, as soon as the socket is connected.
func (p *pool) send(fd int, s *socket) error {
	if err := write(fd, s.request); err != nil {
		return err
	}
	s.request = nil
	return p.control(unix.EPOLL_CTL_MOD, fd, unix.EPOLLIN)
}

// write is for what a socket has room for in any case.
func write(fd int, text []byte) error {
	n, err := unix.Write(fd, text)
	if err == nil && n < len(text) {
		err = unix.EAGAIN
	}
	if err != nil {
		return fmt.Errorf("writing to the proxy: %w", err)
	}
	return nil
}
