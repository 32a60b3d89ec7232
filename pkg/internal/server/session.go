package server

import (
	"context"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/clientcfg"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/cluster"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/session"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/socket"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// onConflict reads what happens to a connection that already has the same identity.
func onConflict(q *query) session.OnConflict {
	return session.OnConflict(q.option("onConflict", string(session.TakeOver), string(session.Reject)))
}

// claim claims the session that a connection needs. It returns nil if the connection needs none. While the
// dynamic limits are not known nobody is admitted: by default there may be none.
func (s *Server) claim(ctx context.Context, f flow, topic *cluster.Topic) (*session.Session, *proxy.Error) {
	if f.session == nil {
		return nil, nil
	}
	if e := s.Limits.Known(); e != nil {
		return nil, e
	}
	q := *f.session
	q.Topic = topic.Name
	if q.Kind == session.Consumer {
		q.Limit = s.Limits.Limits(clientcfg.Consumer, string(q.Group)).MaxConnections
		q.Partitions = int(topic.Partitions())
	} else {
		q.Limit = s.Limits.Limits(clientcfg.Producer, string(q.Client)).MaxConnections
	}
	return s.Sessions.Claim(ctx, q)
}

// holder is a connection that holds a session.
type holder struct{ *socket.Conn }

// Lose implements session.Holder.
func (h holder) Lose(e *proxy.Error) { h.End(socket.EndWith(e, goneGrace)) }
