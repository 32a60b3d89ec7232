package admin

import (
	"context"
	"net/http"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/session"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// evictTimeout bounds how long an eviction waits until the slot is free.
const evictTimeout = 5 * time.Second

// Registry knows the sessions of all replicas.
type Registry interface {
	// Select returns the sessions that a filter selects, by their ids, and whether its limit has left out
	// some. The error is of proxy.KindKafkaUnavailable while they are not known.
	Select(session.Filter) (list []session.Info, more bool, err error)
	// Evict ends a session and waits within ctx until its slot is free. The error is of
	// proxy.KindNotFound where there is no such session, and of proxy.KindKafkaUnavailable while the
	// sessions are not known.
	Evict(ctx context.Context, id string) error
}

// Sessions are the endpoints for sessions.
type Sessions struct{ Registry Registry }

// connected is a session in JSON. What does not apply to it is left out.
type connected struct {
	ID       string         `json:"id"`
	Kind     session.Kind   `json:"kind"`
	Client   proxy.ClientID `json:"client"`
	Group    proxy.GroupID  `json:"group,omitempty"`
	Instance string         `json:"instance,omitempty"`
	Topic    string         `json:"topic"`
	Subject  string         `json:"subject,omitempty"` // the principal, as in user:alice
	Replica  string         `json:"replica"`
	Since    time.Time      `json:"since"` // RFC 3339, UTC
}

// All lists the sessions that a filter selects.
func (s *Sessions) All(which session.Filter) (any, error) {
	list, more, err := s.Registry.Select(which)
	if err != nil {
		return nil, err
	}
	answer := Answer{Body: rows[session.Info, connected]{list, shown}}
	if more {
		answer.Next = list[len(list)-1].ID
	}
	return answer, nil
}

func shown(i session.Info) connected {
	return connected{i.ID, i.Kind, i.Client, i.Group, i.Instance, i.Topic, i.Subject, i.Replica, i.Since.UTC()}
}

// Evict closes the connection of the session whose id is in the path, as the parameter id.
func (s *Sessions) Evict(r *http.Request) (any, error) {
	ctx, cancel := context.WithTimeout(r.Context(), evictTimeout)
	defer cancel()
	err := s.Registry.Evict(ctx, r.PathValue("id"))
	if err != nil && ctx.Err() != nil {
		return nil, proxy.Wrap(err, proxy.KindTimeout, "The session takes too long to end. It may end yet.")
	}
	return none{}, err
}
