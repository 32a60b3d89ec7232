package admin

import (
	"context"
	"maps"
	"net/http"
	"slices"
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
type Sessions struct {
	Registry Registry
	// Tails returns how many connections of this replica read live, by topic: they have no sessions.
	Tails   func() map[string]int
	Replica string // the name of this one
}

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

	// Of connections of the replica that answers alone: others do not tell it.
	Records *int64 `json:"records,omitempty"`
	Lag     *int64 `json:"lag,omitempty"`
	Held    *int   `json:"held,omitempty"`
}

// Connection is the connection of a session. A session.Holder may be one.
type Connection interface {
	// Records returns how many records the client was sent, or has written.
	Records() int64
}

// Member is the connection of a member of a consumer group. A session.Holder may be one.
type Member interface {
	// Lag returns the group's lag in the partitions that the member holds, if it is known.
	Lag() (records int64, known bool)
}

// Worker is the connection of a worker of a queue. A session.Holder may be one.
type Worker interface {
	// Held returns how many records the worker holds now.
	Held() int
}

// All lists the sessions that a filter selects.
func (s *Sessions) All(which session.Filter) (any, error) {
	list, more, err := s.Registry.Select(which)
	if err != nil {
		return nil, err
	}
	entries := make([]any, 0, len(list))
	for _, i := range list {
		entries = append(entries, i)
	}
	if !more {
		for _, tails := range s.tails(which) {
			entries = append(entries, tails)
		}
	}
	answer := Answer{Body: rows[any, any]{entries, shownRow}}
	if more {
		answer.Next = list[len(list)-1].ID
	}
	return answer, nil
}

// tailing is the live reading of a topic on a replica, in JSON.
type tailing struct {
	Kind        string `json:"kind"`
	Topic       string `json:"topic"`
	Replica     string `json:"replica"`
	Connections int    `json:"connections"`
}

// tails returns what a filter selects of the live reading on this replica. It has no clients and groups.
func (s *Sessions) tails(which session.Filter) (list []tailing) {
	if which.Client != "" || which.Group != "" || which.Replica != "" && which.Replica != s.Replica {
		return nil
	}
	counts := s.Tails()
	for _, topic := range slices.Sorted(maps.Keys(counts)) {
		if which.Topic == "" || which.Topic == topic {
			list = append(list, tailing{"tail", topic, s.Replica, counts[topic]})
		}
	}
	return list
}

func shownRow(entry any) any {
	if i, is := entry.(session.Info); is {
		return shown(i)
	}
	return entry
}

func shown(i session.Info) connected {
	c := connected{
		ID: i.ID, Kind: i.Kind, Client: i.Client, Group: i.Group, Instance: i.Instance, Topic: i.Topic, Subject: i.Subject,
		Replica: i.Replica, Since: i.Since.UTC(),
	}
	if has, is := i.Holder.(Connection); is {
		c.Records = new(has.Records())
	}
	if m, is := i.Holder.(Member); is {
		if lag, known := m.Lag(); known {
			c.Lag = &lag
		}
	}
	if w, is := i.Holder.(Worker); is {
		c.Held = new(w.Held())
	}
	return c
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
