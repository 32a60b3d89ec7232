package server

import (
	"container/list"
	"crypto/tls"
	"net"
	"net/http"
	"sync"
	"time"
)

// lobbyGrace is what a newcomer has for its first request even while the lobby is full. Without it a
// rush of honest clients would push each other out before any of them is through.
const lobbyGrace = time.Second

// Lobby bounds the connections of a listener that are not WebSockets: those that have not asked for
// anything yet, that wait between two requests, or have one in progress. While it is full, a newcomer
// pushes out who waits: of those between requests the one that has waited longest, else of those
// that have not asked yet. Where nobody waits, or not for long, the newcomer itself has to go.
type Lobby struct {
	most    int
	arrival time.Duration

	mu     sync.Mutex // guards what follows
	guests map[net.Conn]*guest
	fresh  list.List // of guests that have not asked yet, the oldest first
	idle   list.List // of guests between two requests, the oldest first
}

// guest is a connection in the lobby.
type guest struct {
	conn    net.Conn
	came    time.Time
	timer   *time.Timer   // ends a guest that does not ask in time
	queue   *list.List    // nil while a request is in progress
	element *list.Element // in queue
}

// NewLobby returns a lobby for so many connections. One that has not sent its first request some
// time after it was opened is closed: TLS and HTTP have clocks of their own, one after the other.
func NewLobby(most int, arrival time.Duration) *Lobby {
	return &Lobby{most: most, arrival: arrival, guests: make(map[net.Conn]*guest)}
}

// Watch follows a connection. It is for http.Server.ConnState.
func (l *Lobby) Watch(c net.Conn, state http.ConnState) {
	if out := l.note(c, state); out != nil {
		cut(out)
	}
}

// note returns a connection that has to go.
func (l *Lobby) note(c net.Conn, state http.ConnState) net.Conn {
	l.mu.Lock()
	defer l.mu.Unlock()
	g := l.guests[c]
	switch {
	case state == http.StateNew:
		return l.enter(c)
	case g == nil: // it was put out before
	case state == http.StateActive:
		g.queueIn(nil)
	case state == http.StateIdle:
		g.queueIn(&l.idle)
	default: // closed, or a WebSocket now
		l.remove(g)
	}
	return nil
}

func (l *Lobby) enter(c net.Conn) (out net.Conn) {
	if len(l.guests) >= l.most {
		g := l.longest()
		if g == nil {
			return c
		}
		l.remove(g)
		out = g.conn
	}
	g := &guest{conn: c, came: time.Now(), timer: time.AfterFunc(l.arrival, func() { cut(c) })}
	g.queueIn(&l.fresh)
	l.guests[c] = g
	return out
}

// longest returns who is to make way, if anybody.
func (l *Lobby) longest() *guest {
	if e := l.idle.Front(); e != nil {
		return e.Value.(*guest) //nolint:errcheck // nothing else is in it
	}
	if e := l.fresh.Front(); e != nil {
		if g := e.Value.(*guest); time.Since(g.came) >= lobbyGrace { //nolint:errcheck // nothing else is in it
			return g
		}
	}
	return nil
}

func (l *Lobby) remove(g *guest) {
	g.queueIn(nil)
	delete(l.guests, g.conn)
}

// queueIn moves a guest to another queue. It is on no clock of the lobby's anymore, unless it has
// just come.
func (g *guest) queueIn(queue *list.List) {
	if g.queue != nil {
		g.timer.Stop()
		g.queue.Remove(g.element)
	}
	if g.queue = queue; queue != nil {
		g.element = queue.PushBack(g)
	}
}

// cut closes a connection without a word: TLS would wait for room to say that it ends.
func cut(c net.Conn) {
	if secure, ok := c.(*tls.Conn); ok {
		c = secure.NetConn()
	}
	_ = c.Close()
}
