package produce

import (
	"errors"
	"maps"
	"math"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/cluster"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/metrics"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// errClientClosed means that a client was closed meanwhile, and another one must be found.
var errClientClosed = errors.New("the producing client is closed")

// errWornOut means that a client must not be used for a topic instance, and that another one must
// replace it.
var errWornOut = errors.New("the producing client is worn out for the topic")

// closedForGood, as the number of held records, prevents that one is added.
const closedForGood = math.MinInt64 / 2

// clientKey identifies producing clients. It contains secrets: do not print it.
type clientKey struct {
	id          proxy.ClientID
	maxBatch    int32
	large       bool // see large.go
	credentials proxy.KafkaCredentials
}

// pooled is a producing client, with the topics that it is used for, and the state that shows whether it
// is idle.
type pooled struct {
	key         clientKey
	client      *kgo.Client
	lost        *lostAnswers
	loadTimeout time.Duration // after which records that wait for the lookup of a topic fail
	held        atomic.Int64  // records without a result
	uses        atomic.Uint64 // records ever
	alone       chan struct{} // held by the large record that has the client for itself

	examined atomic.Bool // a check whether it is stuck is running
	replaced atomic.Bool // another client replaces it
	evicted  atomic.Bool // it was closed to make room for another

	replace func() // removes it from the pool

	mu     sync.Mutex // guards what follows
	closed bool
	topics map[string]*topicUse     // by name: franz-go knows one instance of each
	worn   map[instanceKey]struct{} // see worn_out.go

	idle idleness // guarded by Pool.mu
}

// idleness is the time since which something has not been used, as observed at intervals.
type idleness struct {
	seen  uint64 // number of uses at the last observation
	since time.Time
}

// observe compares the number of uses, and returns for how long it has not changed.
func (i *idleness) observe(uses uint64, now time.Time) time.Duration {
	if uses != i.seen {
		i.seen, i.since = uses, now
	}
	return now.Sub(i.since)
}

// fits reports whether the client matches a key, even if it is shared with other clientIds.
func (p *pooled) fits(key clientKey) bool {
	key.id = p.key.id
	return p.key == key
}

// hold counts one more record, unless the client was closed.
func (p *pooled) hold() bool {
	if p.held.Add(1) <= 0 {
		return false
	}
	p.uses.Add(1)
	return true
}

func (p *pooled) release() { p.held.Add(-1) }

// retire prevents further use of the client, if it holds no record. The caller must close it then.
func (p *pooled) retire() bool { return p.held.CompareAndSwap(0, closedForGood) }

// close closes the client, even if it holds records.
func (p *pooled) close(m *metrics.Metrics) {
	p.held.Store(closedForGood)
	p.mu.Lock()
	p.closed = true
	topics := slices.Collect(maps.Values(p.topics))
	p.mu.Unlock()
	p.client.Close()
	for _, u := range topics {
		u.end()
	}
	m.KafkaClients(metrics.ProducerClient).Dec()
}

// useOf returns the use of a topic instance. If franz-go knows another instance of the name, that one
// has ended: of a name, only one instance at a time has not ended, see cluster.Topics.
func (p *pooled) useOf(i *cluster.Instance, start func(run func()) error) (*topicUse, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil, errClientClosed
	}
	if hasEnded(i) {
		return nil, errEnded
	}
	if p.isWornOut(i) {
		return nil, errWornOut
	}
	previous := p.topics[i.Name]
	if previous != nil && previous.instance == i && !previous.isOver() {
		return previous, nil
	}
	u := newTopicUse(p, i, previous)
	u.follow()
	if err := start(u.run); err != nil {
		u.unfollow()
		return nil, err
	}
	p.topics[i.Name] = u
	return u, nil
}

// forget removes a use that is over.
func (p *pooled) forget(u *topicUse) {
	if u.wrote.Load() && !hasEnded(u.instance) {
		p.wearOut(u.instance)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.topics[u.instance.Name] == u {
		delete(p.topics, u.instance.Name)
	}
}

// sweep ends the uses of topics to which nothing was written for the idle time: franz-go requests the
// metadata of a topic until it is purged. It reports whether another client must replace this one.
func (p *pooled) sweep(now time.Time, idle time.Duration) (wornOut bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, u := range p.topics {
		if u.idle.observe(u.uses.Load(), now) >= idle {
			u.retire()
		}
	}
	return len(p.worn) >= maxWornOut
}
