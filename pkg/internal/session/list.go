package session

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// Info is a session as administrators see it.
type Info struct {
	ID       string
	Kind     Kind
	Client   proxy.ClientID
	Group    proxy.GroupID
	Instance string
	Topic    string
	Subject  string // the principal, empty for the anonymous one
	Replica  string // the name of the replica
	Since    time.Time
}

// List returns the sessions on all replicas, oldest first.
func (s *Sessions) List() []Info {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []Info
	for id, e := range s.replica.fold.claims {
		if e.standing == holding {
			list = append(list, Info{
				ID: id, Kind: e.Kind, Client: e.Client, Group: e.Group, Instance: e.Instance, Topic: e.Topic, Subject: e.subject(),
				Replica: e.Server, Since: time.UnixMilli(e.Since),
			})
		}
	}
	slices.SortFunc(list, func(a, b Info) int { return cmp.Or(a.Since.Compare(b.Since), cmp.Compare(a.ID, b.ID)) })
	return list
}

// evictPoll is how often Evict checks whether the session is gone.
const evictPoll = 10 * time.Millisecond

// Evict ends a session on any replica, and waits within ctx until its slot is free.
// The error is of proxy.KindNotFound where there is no such session.
func (s *Sessions) Evict(ctx context.Context, id string) error {
	s.mu.Lock()
	found := s.replica.evict(id)
	s.mu.Unlock()
	if !found {
		return proxy.Errorf(proxy.KindNotFound, "There is no session %q.", id)
	}
	ticker := time.NewTicker(evictPoll)
	defer ticker.Stop()
	for s.holds(id) {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return fmt.Errorf("waiting for session %s to end: %w", id, ctx.Err())
		}
	}
	return nil
}

func (s *Sessions) holds(id string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.replica.fold.claims[id]
	return e != nil && e.standing == holding
}
