package server

import (
	"context"
	"sync"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/auth"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/cluster"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/socket"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// renewTimeout bounds the check of a new token, which may need a request to the identity provider.
const renewTimeout = 5 * time.Second

// guards holds the guards of the open connections.
type guards struct {
	mu   sync.Mutex
	open map[*guard]struct{} // guarded by mu
}

func (g *guards) add(one *guard) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.open == nil {
		g.open = make(map[*guard]struct{})
	}
	g.open[one] = struct{}{}
}

func (g *guards) remove(one *guard) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.open, one)
}

func (g *guards) list() []*guard {
	g.mu.Lock()
	defer g.mu.Unlock()
	list := make([]*guard, 0, len(g.open))
	for one := range g.open {
		list = append(list, one)
	}
	return list
}

// guard ends a connection when its client is no longer authorized: its token or certificate has expired,
// its credentials were revoked, or the policy has changed.
type guard struct {
	server *Server
	conn   *socket.Conn
	flow   *flow
	topics func() []*cluster.Topic

	mu     sync.Mutex // guards what follows
	authn  auth.Authentication
	expiry *time.Timer // nil where nothing expires
	ended  bool        // whether the connection is being ended: that may take a while, in which it is checked again
}

// guard starts the guard of a connection. stop ends it.
func (s *Server) guard(c *socket.Conn, a *admission) (stop func()) {
	g := &guard{server: s, conn: c, flow: &a.flow, topics: a.holds, authn: a.authn}
	if g.authn.Renewable() {
		c.OnRenew(g.renew)
	}
	s.guards.add(g)
	g.mu.Lock()
	g.expireInTime()
	g.mu.Unlock()
	g.recheck(context.Background()) // something may have changed since the handshake began
	return func() {
		s.guards.remove(g)
		g.mu.Lock()
		defer g.mu.Unlock()
		if g.expiry != nil {
			g.expiry.Stop()
		}
	}
}

// expireInTime schedules the end of the connection for when its token or certificate expires. g.mu is
// held.
func (g *guard) expireInTime() {
	now := time.Now()
	at := g.authn.ExpiresAt(now)
	if at.IsZero() {
		return
	}
	if g.expiry != nil {
		g.expiry.Stop()
	}
	g.expiry = time.AfterFunc(at.Sub(now), g.expired)
}

// expired ends the connection, unless its token was renewed at the last moment.
func (g *guard) expired() {
	g.mu.Lock()
	authn := g.authn
	g.mu.Unlock()
	if time.Now().Before(authn.Identity.Expires) {
		return
	}
	g.end(authn.Expired())
}

// renew implements socket.Renewer.
func (g *guard) renew(token string) (expires time.Time, e *proxy.Error) {
	ctx, cancel := context.WithTimeout(context.Background(), renewTimeout)
	defer cancel()
	g.mu.Lock()
	before := g.authn
	g.mu.Unlock()
	renewed, e := g.server.Auth.Renew(ctx, &before, token)
	if e != nil {
		return time.Time{}, e
	}
	for _, topic := range g.topics() {
		if err := topic.Renew(renewed.Identity.Kafka); err != nil {
			return time.Time{}, proxy.AsError(err)
		}
	}
	g.mu.Lock()
	g.authn = renewed
	g.expireInTime()
	g.mu.Unlock()
	g.recheck(ctx) // it may have other claims
	return renewed.Identity.Expires, nil
}

// recheck ends the connection if its client is no longer authorized.
func (g *guard) recheck(ctx context.Context) {
	g.mu.Lock()
	authn := g.authn
	g.mu.Unlock()
	if e := g.server.Auth.Recheck(ctx, &authn); e != nil {
		g.end(e)
		return
	}
	if e := g.server.permitted(g.flow, &authn.Identity); e != nil {
		g.end(e)
	}
}

func (g *guard) end(e *proxy.Error) {
	g.mu.Lock()
	who, ended := g.authn.Identity.Principal, g.ended
	g.ended = true
	g.mu.Unlock()
	if ended {
		return
	}
	g.server.Log.Info("socket is no longer authorized", append([]any{"subject", who.String(), "err", e}, g.flow.log...)...)
	g.conn.End(socket.EndWith(e, goneGrace))
}

// Recheck ends the open connections whose clients are no longer authorized. It is called when the policy,
// the users or the client CAs have changed, and after the keys of the tokens were read again.
func (s *Server) Recheck() {
	for _, g := range s.guards.list() {
		g.recheck(context.Background())
	}
}
