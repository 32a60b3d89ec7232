package links

import (
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// Way is how one direction of a link behaves. The zero value passes all on at once.
type Way struct {
	// Held means that nothing passes.
	Held bool
	// Delay is how much later everything arrives, in order.
	Delay time.Duration
	// Rate is how many bytes a second pass, for all connections together. 0 is as many as come.
	Rate int
}

// Link passes TCP connections on to an address. Its methods may be called concurrently.
type Link struct {
	asking    sync.Mutex // is held while target is called
	target    func() (string, error)
	listener  net.Listener
	up, down  direction // to the target, and from it
	running   sync.WaitGroup
	closeOnce sync.Once
	closed    chan struct{}

	mu      sync.Mutex // guards what follows
	open    map[*pair]struct{}
	refuses bool
}

// pair is a connection: both ends of it.
type pair struct {
	near, far *net.TCPConn
	over      atomic.Bool // an end is reset: neither may be told a regular end before
	abandoned atomic.Bool // that is the far end alone
}

// Open begins to listen on a free port of this machine. The target need not be there yet.
func Open(target string) (*Link, error) { return OpenAt("127.0.0.1:0", target) }

// OpenAt is [Open] at an address, as host:port.
func OpenAt(address, target string) (*Link, error) {
	return open(address, func() (string, error) { return target, nil })
}

// OpenTo is [Open] to a target that is asked for with each connection, for one at a time. Where there is none the connection is reset.
func OpenTo(target func() (string, error)) (*Link, error) { return open("127.0.0.1:0", target) }

func open(address string, target func() (string, error)) (*Link, error) {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("opening a link: %w", err)
	}
	l := &Link{target: target, listener: listener, closed: make(chan struct{}), open: make(map[*pair]struct{})}
	l.up.changed, l.down.changed = make(chan struct{}), make(chan struct{})
	l.running.Go(l.accept)
	return l, nil
}

// Addr is where the link listens, as host:port.
func (l *Link) Addr() string { return l.listener.Addr().String() }

// Set has the two directions behave otherwise, also for what is under way.
func (l *Link) Set(up, down Way) {
	l.up.set(up)
	l.down.set(down)
}

// Refuse has new connections reset at once, or not anymore.
func (l *Link) Refuse(refuses bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.refuses = refuses
}

// Cut resets all connections (RST), whose bytes under way are lost.
func (l *Link) Cut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for p := range l.open {
		p.reset()
	}
}

// Abandon leaves all connections half-open: the target is told that they have ended (RST), and those who have made them are told nothing, nor
// will they be answered, until they end them or the link is cut or closed.
func (l *Link) Abandon() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for p := range l.open {
		p.abandoned.Store(true)
		p.over.Store(true)
		abort(p.far)
	}
}

// Close ends the link and all its connections, and returns when nothing of it runs.
func (l *Link) Close() error {
	var err error
	l.closeOnce.Do(func() {
		close(l.closed)
		err = l.listener.Close()
		l.Cut()
	})
	l.running.Wait()
	return err
}

func (l *Link) accept() {
	for {
		conn, err := l.listener.Accept()
		if err != nil {
			return
		}
		near, ok := conn.(*net.TCPConn)
		if !ok {
			continue // a TCP listener accepts no others
		}
		l.running.Go(func() { l.serve(near) })
	}
}

// serve passes one connection on until both directions have ended.
func (l *Link) serve(near *net.TCPConn) {
	p, err := l.connect(near)
	if err != nil {
		abort(near)
		return
	}
	defer func() {
		l.mu.Lock()
		delete(l.open, p)
		l.mu.Unlock()
		p.reset()
	}()
	var both sync.WaitGroup
	both.Go(func() { l.up.pass(p, p.far, p.near, l.closed) })
	both.Go(func() { l.down.pass(p, p.near, p.far, l.closed) })
	both.Wait()
	if p.abandoned.Load() {
		_ = p.near.SetReadDeadline(time.Time{})
		_, _ = io.Copy(io.Discard, p.near)
	}
}

var errRefused = errors.New("the link refuses connections")

func (l *Link) connect(near *net.TCPConn) (*pair, error) {
	if l.isRefusing() {
		return nil, errRefused
	}
	l.asking.Lock()
	target, err := l.target()
	l.asking.Unlock()
	if err != nil {
		return nil, fmt.Errorf("asking for the target: %w", err)
	}
	conn, err := net.Dial("tcp", target)
	if err != nil {
		return nil, fmt.Errorf("connecting to the target: %w", err)
	}
	far, ok := conn.(*net.TCPConn)
	if !ok {
		return nil, errRefused
	}
	p := &pair{near: near, far: far}
	for _, end := range []*net.TCPConn{near, far} {
		if err := errors.Join(end.SetReadBuffer(socketBuffer), end.SetWriteBuffer(socketBuffer)); err != nil {
			abort(far)
			return nil, fmt.Errorf("bounding the buffers: %w", err)
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.open[p] = struct{}{}
	select {
	case <-l.closed: // Close did not see this pair
		p.reset()
	default:
	}
	return p, nil
}

func (l *Link) isRefusing() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.refuses
}

func (p *pair) reset() {
	p.over.Store(true)
	abort(p.near)
	abort(p.far)
}

// abort ends a connection with RST, unless it has ended.
func abort(conn *net.TCPConn) {
	_ = conn.SetLinger(0)
	_ = conn.Close()
}
