package share

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/budget"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/cluster"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/limit"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// MaxWindow is the largest window of a worker.
const MaxWindow = 1000

// Begin is where a share group begins in the partitions of its topics. Kafka keeps it as a configuration of the group.
type Begin string

// Isolation tells which records of transactions a share group has. Kafka keeps it as a configuration of the group.
type Isolation string

// The values of Begin and Isolation, by the names that they have in Kafka. The empty value leaves the group's
// configuration as it is.
const (
	BeginEarliest   Begin     = "earliest"
	BeginLatest     Begin     = "latest"
	ReadUncommitted Isolation = "read_uncommitted"
	ReadCommitted   Isolation = "read_committed"
)

// Options are the parameters of a worker.
type Options struct {
	GroupID proxy.GroupID
	// Topic is what the worker wants records of, with its credentials: workers of a group with the same credentials
	// share a member of the group. The worker does not close it; it must stay open until the worker is closed.
	Topic  *cluster.Topic
	Window int         // most records that the worker holds, from 1 to MaxWindow
	Rate   *limit.Rate // of records; nil for none. It may be changed at any time
	// Begin and Isolation become the group's configuration if it does not exist yet.
	Begin     Begin
	Isolation Isolation
}

// Groups are the share groups of which this replica has members. It may be used by any number of goroutines.
type Groups struct {
	cluster  *cluster.Cluster
	budget   *budget.Budget
	observer Observer
	calls    cluster.Calls // the members
	// touchAfter is how long a session may make no request while workers hold records.
	touchAfter time.Duration
	// idleWait and busyWait are the longest that brokers may wait for records.
	idleWait, busyWait time.Duration
	// fullFor is how long a partition has been full before its workers are told.
	fullFor time.Duration
	lags    *lags

	mu      sync.Mutex // guards what follows
	members map[memberKey]*member
	closed  bool
}

// memberKey tells members apart: by the credentials with which the first worker came.
type memberKey struct {
	group       proxy.GroupID
	credentials proxy.KafkaCredentials
}

// NewGroups returns Groups without members, and tracks their lags until Close. Each member has a Kafka client of its own. Records that
// wait to be taken are charged to the budget; while it is full, none are acquired. A nil observer observes nothing.
func NewGroups(c *cluster.Cluster, b *budget.Budget, o Observer) *Groups {
	if o == nil {
		o = blind{}
	}
	g := &Groups{cluster: c, budget: b, observer: o, touchAfter: touchAfter, idleWait: idleWait, busyWait: busyWait, fullFor: fullFor, members: make(map[memberKey]*member)}
	g.lags = newLags(g)
	return g
}

// Open makes a worker, and joins the group with the first one. It waits until Kafka has taken the member, within the time of
// ctx. The error is for the client: of proxy.KindQueuesUnsupported if the brokers have no share groups, of
// KindInvalidParameter if the group is of another kind, of KindNotAuthorized if an ACL is missing, of KindLimitReached if
// the group has as many members as Kafka allows, of KindShuttingDown after Close, and else of KindKafkaUnavailable.
func (g *Groups) Open(ctx context.Context, o Options) (*Worker, error) {
	w, m, err := g.enter(o)
	if err != nil {
		return nil, err
	}
	if err := m.await(ctx); err != nil {
		w.Close(ended())
		return nil, err
	}
	notify(g.lags.fresh)
	return w, nil
}

// ended returns a context that has ended: the rest is done without the caller.
func ended() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}

// enter adds a worker to the member of its group, which is made if there is none.
func (g *Groups) enter(o Options) (*Worker, *member, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return nil, nil, shuttingDown()
	}
	key := memberKey{o.GroupID, o.Topic.Credentials()}
	if m := g.memberFor(key); m != nil {
		if w := m.enter(o); w != nil {
			return w, m, nil
		}
	}
	m, err := newMember(g, key, o)
	if err != nil {
		return nil, nil, proxy.Wrap(err, proxy.KindKafkaUnavailable, "No Kafka client could be made.")
	}
	w := m.enter(o)
	if err := g.calls.Run(m.run); err != nil {
		return nil, nil, shuttingDown()
	}
	g.members[key] = m
	return w, m, nil
}

// memberFor returns the member that workers of a key share, or nil. Credentials that were renewed are still of the same identity, and
// find the member that was made with those before. g.mu is held.
func (g *Groups) memberFor(key memberKey) *member {
	if m := g.members[key]; m != nil {
		return m
	}
	for other, m := range g.members {
		if other.group == key.group && m.logsInWith(key.credentials) {
			return m
		}
	}
	return nil
}

// forget removes a member that takes no more workers.
func (g *Groups) forget(m *member) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.members[m.key] == m {
		delete(g.members, m.key)
	}
}

// Close closes all workers and leaves all groups. What workers hold is released. It returns when that is done; when ctx
// ends, no more answers are waited for. No further worker can be opened.
func (g *Groups) Close(ctx context.Context) {
	g.mu.Lock()
	g.closed = true
	all := slices.Collect(maps.Values(g.members))
	g.mu.Unlock()
	for _, m := range all {
		m.fail(shuttingDown())
	}
	abort := context.AfterFunc(ctx, func() {
		for _, m := range all {
			m.abort()
		}
	})
	defer abort()
	g.calls.Refuse()
	g.calls.Wait()
	g.lags.close()
}
