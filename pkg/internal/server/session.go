package server

import (
	"context"
	"errors"
	"net/http"
	"sync/atomic"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/clientcfg"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/cluster"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/consume"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/share"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/session"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/socket"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// onConflict reads what happens to a connection that already has the same identity.
func onConflict(q *query) session.OnConflict {
	return session.OnConflict(q.option("onConflict", string(session.TakeOver), string(session.Reject)))
}

// claim claims the session that a connection needs. It returns nil if the connection needs none.
//
// The handshake waits for Kafka outside the places of handshakes in progress, which connections without
// sessions need too.
func (s *Server) claim(ctx context.Context, r *http.Request, a *admission) (*session.Session, *proxy.Error) {
	if a.flow.session == nil {
		return nil, nil
	}
	leave, e := s.Sockets.EnterClaim(r.RemoteAddr)
	if e != nil {
		return nil, e
	}
	defer leave()
	a.place()
	return s.Sessions.Claim(ctx, s.sessionOf(a.flow, a.topic))
}

// claimable returns why no session can be claimed now, or nil. Handshakes that need one are refused at
// once then, before they ask Kafka for anything.
func (s *Server) claimable() *proxy.Error {
	if err := s.SessionsReady(); err != nil {
		return proxy.Wrap(err, proxy.KindKafkaUnavailable, "The sessions of clients cannot be read from Kafka now: try again.")
	}
	return s.Limits.Known()
}

// sessionOf returns the session that a connection to a topic needs.
func (s *Server) sessionOf(f flow, topic *cluster.Topic) session.Request {
	q := *f.session
	q.Topic = topic.Name
	if q.Kind == session.Consumer {
		q.Limit = s.Limits.Limits(clientcfg.Consumer, string(q.Group)).MaxConnections
		if f.queueing == nil { // whose records are shared without regard to partitions
			q.Partitions = int(topic.Partitions())
		}
	} else {
		q.Limit = s.Limits.Limits(clientcfg.Producer, string(q.Client)).MaxConnections
	}
	return q
}

// holder is a connection that holds a session.
type holder struct{ *socket.Conn }

// Lose implements session.Holder.
func (h holder) Lose(e *proxy.Error) { h.End(socket.EndWith(e, goneGrace)) }

// holdingMember is the connection of a member of a consumer group that holds a session. It implements admin.Member.
type holdingMember struct {
	holder

	joined *atomic.Pointer[consume.Consumer] // nil until it is
}

// Lose implements session.Holder.
func (h holdingMember) Lose(e *proxy.Error) {
	if c := h.joined.Load(); c != nil && errors.Is(e, proxy.ErrSucceeded) {
		c.Succeeded()
	}
	h.holder.Lose(e)
}

// Lag implements admin.Member.
func (h holdingMember) Lag() (records int64, known bool) {
	c := h.joined.Load()
	if c == nil {
		return 0, false
	}
	return c.Lag()
}

// holdingWorker is the connection of a worker that holds a session. It implements admin.Worker.
type holdingWorker struct {
	holder
	*share.Worker
}

// holder returns what holds the session of a connection.
func (a *admission) holder(c *socket.Conn) session.Holder {
	if q := a.flow.queueing; q != nil {
		return holdingWorker{holder{c}, q.opened}
	}
	if a.flow.joined != nil {
		return holdingMember{holder{c}, a.flow.joined}
	}
	return holder{c}
}
