package loadclient

import (
	"errors"
	"fmt"
	"net/netip"

	"golang.org/x/sys/unix"
)

const (
	readBuffer = 256 << 10 // bytes
	mostEvents = 512       // of one wait
)

// pool holds plain sockets. Its methods are called by one goroutine.
type pool struct {
	tally   *tally
	epoll   int
	in      int // the descriptor of the commands
	events  []unix.EpollEvent
	buffer  []byte
	sockets map[int]*socket // by descriptor

	waiting []waiting // for their turn to be opened
	opening int       // handshakes that are under way
	atOnce  int
}

// waiting is a socket that is not there yet.
type waiting struct {
	to      unix.SockaddrInet4
	request []byte
}

// newPool returns a pool that waits for commands on a descriptor too.
func newPool(t *tally, in int) (*pool, error) {
	epoll, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("making an epoll: %w", err)
	}
	p := &pool{
		tally: t, epoll: epoll, in: in,
		events: make([]unix.EpollEvent, mostEvents), buffer: make([]byte, readBuffer), sockets: make(map[int]*socket),
	}
	err = p.control(unix.EPOLL_CTL_ADD, in, unix.EPOLLIN)
	return p, err
}

func (p *pool) control(what, fd int, events uint32) error {
	if err := unix.EpollCtl(p.epoll, what, fd, &unix.EpollEvent{Events: events, Fd: int32(fd)}); err != nil {
		return fmt.Errorf("controlling the epoll: %w", err)
	}
	return nil
}

// open begins to open sockets; the turns that follow go on with it.
func (p *pool) open(plan Plan) error {
	addr, err := netip.ParseAddrPort(plan.Addr)
	if err != nil || !addr.Addr().Is4() {
		return fmt.Errorf("%q is no IPv4 address: %w", plan.Addr, err)
	}
	to := unix.SockaddrInet4{Port: int(addr.Port()), Addr: addr.Addr().As4()}
	for _, query := range plan.Queries {
		p.waiting = append(p.waiting, waiting{to, request(plan, query)})
	}
	p.atOnce = plan.AtOnce
	p.tally.mu.Lock()
	defer p.tally.mu.Unlock()
	p.connect()
	return nil
}

// turn waits until something comes, and takes it. It tells whether there is a command to read.
func (p *pool) turn() (commanded bool, err error) {
	n, err := unix.EpollWait(p.epoll, p.events, -1)
	if err != nil && !errors.Is(err, unix.EINTR) {
		return false, fmt.Errorf("waiting for sockets: %w", err)
	}
	p.tally.mu.Lock()
	defer p.tally.mu.Unlock()
	for _, event := range p.events[:max(0, n)] {
		if int(event.Fd) == p.in {
			commanded = true
			continue
		}
		p.take(int(event.Fd))
	}
	p.connect()
	return commanded, nil
}

// connect begins as many handshakes as may be under way.
func (p *pool) connect() {
	for len(p.waiting) > 0 && p.opening < p.atOnce {
		next := p.waiting[0]
		p.waiting = p.waiting[1:]
		if err := p.dial(next); err != nil {
			p.tally.lose(fmt.Errorf("connecting to the proxy: %w", err))
		}
	}
}

func (p *pool) dial(w waiting) error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	if err := unix.Connect(fd, &w.to); err != nil && !errors.Is(err, unix.EINPROGRESS) {
		return errors.Join(err, unix.Close(fd))
	}
	if err := p.control(unix.EPOLL_CTL_ADD, fd, unix.EPOLLOUT); err != nil {
		return errors.Join(err, unix.Close(fd))
	}
	p.sockets[fd] = &socket{stream: stream{tally: p.tally}, request: w.request}
	p.opening++
	return nil
}
