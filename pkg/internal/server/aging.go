package server

import (
	"math/rand/v2"
	"sync"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/socket"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

const (
	// agesSpread divides the greatest age into the time over which connections of one age are ended: their clients,
	// which may all have come at once, are not to return at once.
	agesSpread = 10
	// leastSpread bounds that time from below, and with it how often connections look for another replica.
	leastSpread = time.Second
)

// aging ends a connection that is older than connections may be, once another replica lives: the client's next connection
// may be there. A replica that is alone keeps its connections, which would only come back to it.
type aging struct {
	hasPeers func() bool
	end      func(socket.Ending)
	spread   time.Duration

	mu    sync.Mutex // guards what follows
	timer *time.Timer
	over  bool
}

// age starts the aging of a connection, where there is a greatest age. stop ends it.
func (s *Server) age(c *socket.Conn) (stop func()) {
	most := s.Config.Sockets.MaxConnectionAge
	if most == 0 {
		return func() {}
	}
	return startAging(most, s.Sessions.HasPeers, c.End)
}

func startAging(most time.Duration, hasPeers func() bool, end func(socket.Ending)) (stop func()) {
	a := &aging{hasPeers: hasPeers, end: end, spread: max(most/agesSpread, leastSpread)}
	a.wait(most + rand.N(most/agesSpread+1)) //nolint:gosec // it spreads clients, and keeps no secret
	return a.stop
}

// wait lets d pass before the connection is looked at.
func (a *aging) wait(d time.Duration) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.over {
		a.timer = time.AfterFunc(d, a.reached)
	}
}

// reached ends the connection, or looks again when as much time has passed as the ends are spread over: connections look at
// different times, so that not all of them end when a second replica comes.
func (a *aging) reached() {
	if !a.hasPeers() {
		a.wait(a.spread)
		return
	}
	a.end(socket.Ending{
		Code: proxy.CloseServiceRestart, Reason: "This connection is as old as connections get: connect again.",
		Grace: goneGrace, Returns: true,
	})
}

func (a *aging) stop() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.over = true
	a.timer.Stop()
}
