package session

import (
	"cmp"
	"context"
	"fmt"
	"runtime"
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
	Holder   Holder // the connection that has it, nil where it is on another replica
}

// Filter selects sessions. An empty member selects all.
type Filter struct {
	Client  proxy.ClientID
	Group   proxy.GroupID
	Topic   string
	Replica string // the name of the replica
	After   string // only sessions whose ids are greater
	Limit   int    // at most so many, of the least ids; 0 is no limit
}

func (f *Filter) selects(id string, c *claim) bool {
	return id > f.After &&
		(f.Client == "" || c.Client == f.Client) &&
		(f.Group == "" || c.Group == f.Group) &&
		(f.Topic == "" || c.Topic == f.Topic) &&
		(f.Replica == "" || c.Server == f.Replica)
}

// listedAtOnce is how many claims are looked at before others get their turn at the lock.
const listedAtOnce = 512

// Select returns the sessions on all replicas that a filter selects, by their ids, and whether the filter's
// limit has left out some. A session that begins or ends meanwhile may be in the list, or not. The error is of
// proxy.KindKafkaUnavailable while the log is being read.
func (s *Sessions) Select(f Filter) (list []Info, more bool, err error) {
	found, err := s.find(f)
	if err != nil {
		return nil, false, err
	}
	slices.SortFunc(found, func(a, b *entry) int { return cmp.Compare(a.id, b.id) })
	if more = f.Limit > 0 && len(found) > f.Limit; more {
		found = found[:f.Limit]
	}
	return s.infos(found), more, nil
}

// find returns the claims of the selected sessions, in any order. The map may change while the lock is
// released: the loop sees each claim at most once, and each claim that stays exactly once.
func (s *Sessions) find(f Filter) (found []*entry, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.replica.caughtUp {
		return nil, errListNotRead()
	}
	fold, seen := s.replica.fold, 0
	for id, e := range fold.claims {
		if e.standing == holding && f.selects(id, &e.claim) {
			found = append(found, e)
		}
		s.pause(&seen)
		if s.replica.fold != fold { // the log is read again
			return nil, errListNotRead()
		}
	}
	return found, nil
}

// infos describes sessions.
func (s *Sessions) infos(found []*entry) []Info {
	s.mu.Lock()
	defer s.mu.Unlock()
	list, seen := make([]Info, len(found)), 0
	for i, e := range found {
		list[i] = e.info()
		if a := s.replica.attempts[e.id]; a != nil {
			list[i].Holder = a.holder
		}
		s.pause(&seen)
	}
	return list
}

// pause releases the lock, which connecting clients need, for a moment every listedAtOnce calls.
func (s *Sessions) pause(calls *int) {
	if *calls++; *calls%listedAtOnce == 0 {
		s.mu.Unlock()
		runtime.Gosched()
		s.mu.Lock()
	}
}

func (e *entry) info() Info {
	return Info{
		ID: e.id, Kind: e.Kind, Client: e.Client, Group: e.Group, Instance: e.Instance, Topic: e.Topic, Subject: e.subject(),
		Replica: e.Server, Since: time.UnixMilli(e.Since),
	}
}

func errListNotRead() error {
	return proxy.Wrap(errNotRead, proxy.KindKafkaUnavailable, "The sessions are being read from Kafka: try again.")
}

// evictPoll is how often Evict checks whether the session is gone.
const evictPoll = 10 * time.Millisecond

// Evict ends a session on any replica, and waits within ctx until its slot is free.
// The error is of proxy.KindNotFound where there is no such session, and of
// proxy.KindKafkaUnavailable while the log is being read, when nothing is changed.
func (s *Sessions) Evict(ctx context.Context, id string) error {
	if err := s.evict(id); err != nil {
		return err
	}
	ticker := time.NewTicker(evictPoll)
	defer ticker.Stop()
	for s.mayHold(id) {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return fmt.Errorf("waiting for session %s to end: %w", id, ctx.Err())
		}
	}
	return nil
}

func (s *Sessions) evict(id string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.replica.caughtUp {
		return errListNotRead()
	}
	if !s.replica.evict(id) {
		return proxy.Errorf(proxy.KindNotFound, "There is no session %q.", id)
	}
	return nil
}

// mayHold tells whether a session has its slot, or may have it: that is unknown while the log is read.
func (s *Sessions) mayHold(id string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.replica.fold.claims[id]
	return !s.replica.caughtUp || e != nil && e.standing == holding
}
