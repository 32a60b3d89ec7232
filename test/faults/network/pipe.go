package network

import (
	"io"
	"os"
	"sync"
	"syscall"
)

// pipe is one direction of a connection: what its sender wrote and its receiver has not read.
type pipe struct {
	mu     sync.Mutex // guards what follows
	data   []byte     // from start on
	start  int
	size   int   // most bytes that it holds
	taken  int64 // bytes ever read
	frozen bool  // nothing arrives at the receiver
	fin    bool  // the sender will send no more
	broken error // what the receiver gets after what has arrived, and the sender at once
	change chan struct{}
}

func newPipe(size int) *pipe { return &pipe{size: size, change: make(chan struct{})} }

// changed wakes everybody who waits. p.mu is held.
func (p *pipe) changed() {
	close(p.change)
	p.change = make(chan struct{})
}

// update changes the pipe's state.
func (p *pipe) update(f func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	f()
	p.changed()
}

// tryRead reads what has arrived, or gives the channel that tells of a change.
func (p *pipe) tryRead(b []byte) (n int, wait <-chan struct{}, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.frozen:
		return 0, p.change, nil
	case p.start < len(p.data):
		n = copy(b, p.data[p.start:])
		p.start += n
		p.taken += int64(n)
		if p.start == len(p.data) {
			p.data, p.start = p.data[:0], 0
		}
		p.changed()
		return n, nil, nil
	case p.broken != nil:
		return 0, nil, p.broken
	case p.fin:
		return 0, nil, io.EOF
	}
	return 0, p.change, nil
}

// tryWrite takes what there is room for, or gives the channel that tells of a change.
func (p *pipe) tryWrite(b []byte) (n int, wait <-chan struct{}, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.broken != nil {
		return 0, nil, syscall.ECONNRESET
	}
	if p.fin {
		return 0, nil, syscall.EPIPE
	}
	room := p.size - (len(p.data) - p.start)
	if room <= 0 {
		return 0, p.change, nil
	}
	if p.start > p.size/2 {
		p.data = p.data[:copy(p.data, p.data[p.start:])]
		p.start = 0
	}
	n = min(room, len(b))
	p.data = append(p.data, b[:n]...)
	p.changed()
	return n, nil, nil
}

// unread tells whether anything has not been read.
func (p *pipe) unread() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.start < len(p.data)
}

// drop breaks the pipe and throws away what is in it.
func (p *pipe) drop(err error) {
	p.update(func() {
		p.data, p.start = nil, 0
		p.broken = err
		p.frozen = false
	})
}

// transfer moves all of b by try, which is tryRead or tryWrite, waiting as long as deadline
// and closed allow. Once is for reading: what there is suffices.
func transfer(b []byte, try func([]byte) (int, <-chan struct{}, error), d *deadline, closed <-chan struct{}, once bool) (int, error) {
	n := 0
	for {
		select {
		case <-closed:
			return n, os.ErrClosed
		case <-d.passed():
			return n, os.ErrDeadlineExceeded
		default:
		}
		moved, wait, err := try(b[n:])
		n += moved
		if err != nil || n == len(b) || once && moved > 0 {
			return n, err
		}
		if wait == nil {
			continue
		}
		select {
		case <-wait:
		case <-d.passed():
		case <-d.moved():
		case <-closed:
		}
	}
}
