package network

import (
	"context"
	"fmt"
	"net"
	"strconv"
	"sync"
	"syscall"
)

// Network connects hosts.
type Network struct {
	// Buffer is how much each direction of a connection holds.
	Buffer int

	mu        sync.Mutex // guards what follows
	listeners map[string]*listener
	port      int
}

// New returns a network without hosts.
func New(buffer int) *Network {
	return &Network{Buffer: buffer, listeners: make(map[string]*listener), port: 10000}
}

// Host returns a new host. All listen on the one address of the network, on different ports.
func (n *Network) Host(name string) *Host {
	return &Host{network: n, name: name, conns: make(map[*Conn]string)}
}

// Host is what listens and dials: a program that can be killed, cut off or frozen whole.
type Host struct {
	network *Network
	name    string

	mu        sync.Mutex // guards what follows
	dead      bool
	conns     map[*Conn]string // those that it dialled, with the address, and those that it accepted
	listeners []*listener
}

// Listen opens a listener. Port 0 is a free one.
func (h *Host) Listen(_, addr string) (net.Listener, error) {
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, fmt.Errorf("listening on %s: %w", addr, err)
	}
	n := h.network
	n.mu.Lock()
	defer n.mu.Unlock()
	if port == "0" {
		n.port++
		port = strconv.Itoa(n.port)
	}
	l := &listener{host: h, addr: "127.0.0.1:" + port, queue: make(chan *Conn, 1024), closed: make(chan struct{})}
	if n.listeners[l.addr] != nil {
		return nil, fmt.Errorf("listening on %s: %w", addr, syscall.EADDRINUSE)
	}
	n.listeners[l.addr] = l
	h.mu.Lock()
	defer h.mu.Unlock()
	h.listeners = append(h.listeners, l)
	return l, nil
}

// Dial connects to a listener of the network.
func (h *Host) Dial(ctx context.Context, _, addr string) (net.Conn, error) {
	conn, err := h.dial(ctx, addr)
	if err != nil {
		return nil, &net.OpError{Op: "dial", Net: "tcp", Addr: address(addr), Err: err}
	}
	return conn, nil
}

// Connect is Dial for a client that will use a Conn's own methods.
func (h *Host) Connect(addr string) (*Conn, error) { return h.dial(context.Background(), addr) }

func (h *Host) dial(ctx context.Context, addr string) (*Conn, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	n := h.network
	n.mu.Lock()
	l := n.listeners[addr]
	n.port++
	local := "127.0.0.1:" + strconv.Itoa(n.port)
	n.mu.Unlock()
	if l == nil {
		return nil, syscall.ECONNREFUSED
	}
	here, there := Pair(local, addr, n.Buffer)
	if !h.adopt(here, addr) || !l.host.adopt(there, "") {
		here.Reset()
		return nil, syscall.ECONNREFUSED
	}
	if !l.offer(there) {
		here.Reset()
		return nil, syscall.ECONNREFUSED
	}
	return here, nil
}

// adopt makes a connection one of the host's until it is closed.
func (h *Host) adopt(c *Conn, addr string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.dead {
		return false
	}
	h.conns[c] = addr
	c.onClose = func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		delete(h.conns, c)
	}
	return true
}

// Conns returns the connections that the host dialled, or accepted where dialled is false.
func (h *Host) Conns(dialled bool) []*Conn {
	h.mu.Lock()
	defer h.mu.Unlock()
	var conns []*Conn
	for c, addr := range h.conns {
		if (addr != "") == dialled {
			conns = append(conns, c)
		}
	}
	return conns
}

// Kill ends the host as a power cut does: every connection is reset, nothing is accepted or
// dialled anymore.
func (h *Host) Kill() {
	h.mu.Lock()
	h.dead = true
	listeners := h.listeners
	h.mu.Unlock()
	for _, l := range listeners {
		_ = l.Close()
	}
	for _, dialled := range []bool{true, false} {
		for _, c := range h.Conns(dialled) {
			c.Reset()
		}
	}
}

// listener implements net.Listener.
type listener struct {
	host   *Host
	addr   string
	queue  chan *Conn
	closed chan struct{}
	once   sync.Once
}

func (l *listener) Accept() (net.Conn, error) {
	select {
	case <-l.closed:
		return nil, &net.OpError{Op: "accept", Net: "tcp", Addr: address(l.addr), Err: net.ErrClosed}
	default:
	}
	select {
	case c := <-l.queue:
		return c, nil
	case <-l.closed:
		return nil, &net.OpError{Op: "accept", Net: "tcp", Addr: address(l.addr), Err: net.ErrClosed}
	}
}

// offer queues a connection, unless the listener is closed or its queue full.
func (l *listener) offer(c *Conn) bool {
	select {
	case l.queue <- c:
	default:
		return false
	}
	select {
	case <-l.closed:
		return false
	default:
		return true
	}
}

// Close ends the listener. What nobody has accepted is reset.
func (l *listener) Close() error {
	l.once.Do(func() {
		close(l.closed)
		n := l.host.network
		n.mu.Lock()
		delete(n.listeners, l.addr)
		n.mu.Unlock()
		for {
			select {
			case c := <-l.queue:
				c.Reset()
			default:
				return
			}
		}
	})
	return nil
}

func (l *listener) Addr() net.Addr { return address(l.addr) }
