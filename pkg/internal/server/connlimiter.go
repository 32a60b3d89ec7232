package server

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/fair"
)

// ConnLimiter is the connection limiter of a listener. It bounds the connections that are not WebSockets:
// those that have sent no request yet, are idle between two requests, or have a request in progress. At
// the limit, a new connection replaces an open one, or is closed itself if it may replace none. The
// limiter chooses by address first: it closes a connection of the address that has the most, so that
// clients of other addresses can connect however many connections one address opens. Between addresses
// that have equally many, it closes the connection that is in the least useful state: see victim.
type ConnLimiter struct {
	most    int
	arrival time.Duration
	proxies proxies

	mu    sync.Mutex // guards what follows
	conns map[net.Conn]*tracked
	all   queues
	peers peers
}

// tracked is a connection that is limited.
type tracked struct {
	conn  net.Conn
	peer  *peer
	timer *time.Timer // closes a connection that sends no request in time
	place place
}

// NewConnLimiter returns a limiter that allows up to most connections. It closes a connection whose
// first request has not arrived within arrival after it was opened: the timeouts of TLS and HTTP would
// add up. Connections from the trusted proxies belong to many clients, and do not count as those of one
// address.
func NewConnLimiter(most int, arrival time.Duration, proxies proxies) *ConnLimiter {
	return &ConnLimiter{
		most: most, arrival: arrival, proxies: proxies,
		conns: make(map[net.Conn]*tracked), peers: peers{byKey: make(map[string]*peer)},
	}
}

// Watch follows a connection. It is for http.Server.ConnState.
func (l *ConnLimiter) Watch(c net.Conn, state http.ConnState) {
	if out := l.note(c, state); out != nil {
		cut(out)
	}
}

// note records the state of a connection. It returns a connection that must be closed, or nil.
func (l *ConnLimiter) note(c net.Conn, state http.ConnState) net.Conn {
	l.mu.Lock()
	defer l.mu.Unlock()
	t := l.conns[c]
	switch {
	case state == http.StateNew:
		return l.enter(c)
	case t == nil: // it was closed before
	case state == http.StateActive:
		l.move(t, active)
	case state == http.StateIdle:
		l.move(t, idle)
	default: // closed, or a WebSocket now
		l.remove(t)
	}
	return nil
}

// enter adds a new connection. It returns the connection that must be closed for it, or the new one
// itself if it can replace none. l.mu is held.
func (l *ConnLimiter) enter(c net.Conn) (out net.Conn) {
	key := l.keyOf(c.RemoteAddr())
	if len(l.conns) >= l.most {
		t := l.victim(key)
		if t == nil {
			return c
		}
		l.remove(t)
		out = t.conn
	}
	t := &tracked{conn: c, peer: l.peers.join(key), timer: time.AfterFunc(l.arrival, func() { cut(c) })}
	l.conns[c] = t
	l.move(t, fresh)
	return out
}

// keyOf returns the key by which a connection is counted.
func (l *ConnLimiter) keyOf(remote net.Addr) string {
	text := remote.String()
	if address, known := parseAddress(text); known && l.proxies.trust(address) {
		return text // with its port, which no other connection has
	}
	return fair.Address(text)
}

// victim returns the connection that a new connection replaces, or nil. If an address has more
// connections than the new connection's address would have, one of that address is replaced at once.
// Otherwise it is one of the new connection's own address, or where that has none, one of any address.
// Then its grace must be over: otherwise many clients that connect at once would close each other's
// connections before any of them is served.
func (l *ConnLimiter) victim(key string) *tracked {
	own := 0
	if p := l.peers.byKey[key]; p != nil {
		own = p.count
	}
	if most := l.peers.heaviest(); most != nil && most.count > own+1 {
		if t := most.queues.longest(false); t != nil {
			return t
		}
	}
	if own > 0 {
		return l.peers.byKey[key].queues.longest(true)
	}
	return l.all.longest(true)
}

// move changes the state of a connection. l.mu is held.
func (l *ConnLimiter) move(t *tracked, to use) {
	if t.place.use == fresh && to != fresh {
		t.timer.Stop()
	}
	l.all.take(t)
	t.peer.queues.take(t)
	t.place = place{use: to, since: time.Now()}
	l.all.put(t, &t.place.inAll)
	t.peer.queues.put(t, &t.place.inPeer)
}

// remove stops counting a connection. l.mu is held.
func (l *ConnLimiter) remove(t *tracked) {
	l.move(t, busy)
	l.peers.leave(t.peer)
	delete(l.conns, t.conn)
}

type limitedKey struct{}

// limited is a connection, and its limiter.
type limited struct {
	limiter *ConnLimiter
	conn    net.Conn
}

// Context adds a connection to the context of its requests. It is for http.Server.ConnContext.
func (l *ConnLimiter) Context(ctx context.Context, c net.Conn) context.Context {
	return context.WithValue(ctx, limitedKey{}, limited{l, c})
}

// handshaking exempts the connection of a request from being replaced until done, while the proxy waits
// for an identity provider or for Kafka. Another limit bounds the handshakes.
func handshaking(ctx context.Context) (done func()) {
	at, ok := ctx.Value(limitedKey{}).(limited)
	if !ok {
		return func() {}
	}
	at.limiter.use(at.conn, busy)
	return func() { at.limiter.use(at.conn, active) }
}

func (l *ConnLimiter) use(c net.Conn, to use) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if t := l.conns[c]; t != nil {
		l.move(t, to)
	}
}

// cut closes a connection without the closing alert of TLS, which would wait for room in the send buffer.
func cut(c net.Conn) {
	if secure, ok := c.(*tls.Conn); ok {
		c = secure.NetConn()
	}
	_ = c.Close()
}
