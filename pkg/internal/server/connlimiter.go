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

// ConnLimiter bounds the connections of a listener that are not WebSockets: those that have not asked
// for anything yet, that wait between two requests, or have one in progress. While there are the most
// that may be, a newcomer takes the place of another one. Which one is decided by address first: one
// of the address that has the most, so that others find a place however many connections one address
// opens. Between addresses that have as many, those make way that use their connection the least: see
// victim.
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
	timer *time.Timer // ends a connection that does not ask in time
	place place
}

// NewConnLimiter returns a limiter to so many connections. One that has not sent its first request
// some time after it was opened is closed: TLS and HTTP have clocks of their own, one after the other.
// Connections from the proxies are of many clients, and do not count as those of one address.
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

// note returns a connection that has to go.
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

// enter needs l.mu.
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

// keyOf is what a connection counts as.
func (l *ConnLimiter) keyOf(remote net.Addr) string {
	text := remote.String()
	if address, known := parseAddress(text); known && l.proxies.trust(address) {
		return text // with its port, which no other connection has
	}
	return fair.Address(text)
}

// victim returns the connection that makes way for a newcomer, if any. An address that has more than the
// newcomer's would have gives one up at once. Else the newcomer's own address does, or where that has
// none any address, and then only a connection that has been of no use for a while: else a rush of
// clients would push each other out before any of them is through.
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

// move needs l.mu.
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

// remove needs l.mu.
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

// Context has the requests of a connection know it. It is for http.Server.ConnContext.
func (l *ConnLimiter) Context(ctx context.Context, c net.Conn) context.Context {
	return context.WithValue(ctx, limitedKey{}, limited{l, c})
}

// handshaking keeps the connection of a request whose handshake is bounded otherwise from making way
// while the proxy waits for a provider or for Kafka, until done.
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

// cut closes a connection without a word: TLS would wait for room to say that it ends.
func cut(c net.Conn) {
	if secure, ok := c.(*tls.Conn); ok {
		c = secure.NetConn()
	}
	_ = c.Close()
}
