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
	Peers    Peers
	// Tails returns how many connections of this replica read live, by topic: they have no sessions. The map is the caller's.
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

	figures // those of other replicas where they were asked
}

// All lists the sessions that a filter selects, with what this replica knows of its own connections.
func (s *Sessions) All(which session.Filter) (any, error) {
	list, more, err := s.Registry.Select(which)
	if err != nil {
		return nil, err
	}
	return answerOf(list, more, tailsOf(which, s.Replica, s.Tails), nil), nil
}

// WithFigures lists the sessions that a filter selects, session.MostAsked at most, with what all replicas know of their connections.
func (s *Sessions) WithFigures(ctx context.Context, which session.Filter) (any, error) {
	list, more, err := s.Registry.Select(which)
	if err != nil {
		return nil, err
	}
	var q session.Question
	for _, i := range list {
		if i.Holder == nil {
			q.Sessions = append(q.Sessions, i.ID)
		}
	}
	if !more && which.Client == "" && which.Group == "" {
		q.Tails = &session.TailsOfWhat{Topic: which.Topic}
	}
	reports, silent := ask(ctx, s.Peers, q)
	tails, known := tailsOf(which, s.Replica, s.Tails), make(map[string]figures)
	for _, r := range reports {
		maps.Copy(known, r.Sessions)
		tails = append(tails, tailsOf(which, r.replica, func() map[string]int { return r.Tails })...)
	}
	answer := answerOf(list, more, tails, known)
	answer.SilentReplicas = silent
	return answer, nil
}

// answerOf shows sessions, those of other replicas with the figures that are known, and behind the last page the live readers.
func answerOf(list []session.Info, more bool, tails []tailing, known map[string]figures) (answer Answer) {
	entries := make([]any, 0, len(list))
	for _, i := range list {
		entries = append(entries, i)
	}
	if more {
		answer.Next = list[len(list)-1].ID
	} else {
		for _, one := range tails {
			entries = append(entries, one)
		}
	}
	answer.Body = rows[any, any]{entries, func(entry any) any { return shownRow(entry, known) }}
	return answer
}

// tailing is the live reading of a topic on a replica, in JSON.
type tailing struct {
	Kind        string `json:"kind"`
	Topic       string `json:"topic"`
	Replica     string `json:"replica"`
	Connections int    `json:"connections"`
}

// tailsOf returns what a filter selects of the live reading on a replica. It has no clients and groups.
func tailsOf(which session.Filter, replica string, all func() map[string]int) (list []tailing) {
	if which.Client != "" || which.Group != "" || which.Replica != "" && which.Replica != replica {
		return nil
	}
	counts := all()
	for _, topic := range slices.Sorted(maps.Keys(counts)) {
		if which.Topic == "" || which.Topic == topic {
			list = append(list, tailing{"tail", topic, replica, counts[topic]})
		}
	}
	return list
}

func shownRow(entry any, known map[string]figures) any {
	i, is := entry.(session.Info)
	if !is {
		return entry
	}
	c := shown(i)
	if i.Holder == nil {
		c.figures = known[i.ID]
	}
	return c
}

func shown(i session.Info) connected {
	c := connected{
		ID: i.ID, Kind: i.Kind, Client: i.Client, Group: i.Group, Instance: i.Instance, Topic: i.Topic, Subject: i.Subject,
		Replica: i.Replica, Since: i.Since.UTC(),
	}
	if i.Holder != nil {
		c.figures = figuresOf(i.Holder)
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
