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

// errClientClosed tells that a client was closed meanwhile, and another is to be found.
var errClientClosed = errors.New("the producing client is closed")

// errWornOut tells that a client must not be used for a topic instance, and another is to take its place.
var errWornOut = errors.New("the producing client is worn out for the topic")

// closedForGood as a number of held records lets nobody add one.
const closedForGood = math.MinInt64 / 2

// clientKey tells producing clients apart. It holds secrets: it is not to be printed.
type clientKey struct {
	id          proxy.ClientID
	maxBatch    int32
	large       bool // see large.go
	credentials proxy.KafkaCredentials
}

// pooled is a producing client, the topics that it is used for, and what tells whether it is idle.
type pooled struct {
	key         clientKey
	client      *kgo.Client
	lost        *lostAnswers
	loadTimeout time.Duration // until what waits for a topic to be looked up is given up
	held        atomic.Int64  // records without a fate
	uses        atomic.Uint64 // records ever
	alone       chan struct{} // holds what a large record has of the client, which is all

	examined atomic.Bool // it is being looked whether it is stuck
	replaced atomic.Bool // another client takes its place
	evicted  atomic.Bool // it was closed to make room for another

	replace func() // takes it out of the pool

	mu     sync.Mutex // guards what follows
	closed bool
	topics map[string]*topicUse     // by name: franz-go knows one instance of each
	worn   map[instanceKey]struct{} // see worn_out.go

	idle idleness // guarded by Pool.mu
}

// idleness is since when something has not been used, as far as has been seen.
type idleness struct {
	seen  uint64 // uses, when they were looked at last
	since time.Time
}

// observe looks at the number of uses, and returns for how long it has been the same.
func (i *idleness) observe(uses uint64, now time.Time) time.Duration {
	if uses != i.seen {
		i.seen, i.since = uses, now
	}
	return now.Sub(i.since)
}

// fits tells whether the client is as a key asks for, be it shared with other clientIds.
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

// retire has nobody use the client anymore, if it holds no record. It is to be closed then.
func (p *pooled) retire() bool { return p.held.CompareAndSwap(0, closedForGood) }

// close closes the client, whatever it holds.
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

// useOf returns the use of a topic instance. Where franz-go knows another instance of the name, that
// one has ended: a name has one instance at a time that has not, see cluster.Topics.
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

// forget lets go of a use that is over.
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

// sweep ends the uses of topics that nobody has written to for so long: franz-go asks for the
// metadata of a topic until it is purged. It tells whether another client is to take this one's place.
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
