package share

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/cluster"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/metrics"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

const (
	// clientID is the client.id of members, for quotas and the logs of brokers.
	clientID = "wsproxy-queue"
	// idleConnections is how long a connection may be idle, the longest time that franz-go accepts: Kafka releases what a
	// member holds when the connection of its session is closed.
	idleConnections = 15 * time.Minute
)

// member is a member of a share group, which serves its workers until the last one has left.
type member struct {
	groups  *Groups
	key     memberKey
	id      string // for Kafka
	options Options
	client  *kgo.Client
	ledger  *ledger
	decoder decoder
	log     *slog.Logger
	life    context.Context //nolint:containedctx // of all requests, until abort
	abort   context.CancelFunc
	calls   cluster.Calls // steering, expiries and sessions

	failures atomic.Int64           // of partitions
	begins   atomic.Pointer[string] // where the group begins, as Kafka has it; nil if it does not show that
	joined   chan struct{}          // closed when Kafka has taken the member, or it has failed
	retired  chan struct{}          // closed when it takes no more workers, and is to leave
	beat     chan struct{}          // asks for a heartbeat at once
	steer    chan struct{}          // asks for a look at the leaders

	mu       sync.Mutex // guards what follows; ledger.mu may be taken under it
	workers  map[*Worker]*hired
	sessions map[int32]*session // by the broker
	assigned map[[16]byte][]int32
	isJoined bool
	isOver   bool  // retired is closed
	failure  error // why it has failed
	trouble  error // why it has not joined yet
}

// hired is what a member knows of a worker.
type hired struct {
	topic   *cluster.Topic
	unwatch func()
}

func newMember(g *Groups, key memberKey, o Options) (*member, error) {
	c := g.cluster
	m := &member{
		groups: g, key: key, id: rand.Text(), options: o, ledger: newLedger(g.observer, g.budget),
		log: c.Log.With("groupId", key.group), joined: make(chan struct{}), retired: make(chan struct{}),
		beat: make(chan struct{}, 1), steer: make(chan struct{}, 1),
		workers: make(map[*Worker]*hired), sessions: make(map[int32]*session),
	}
	m.life, m.abort = context.WithCancel(c.Life())
	client, err := kgo.NewClient(c.OptionsAs(metrics.QueueClient, m.credentials, clientID,
		kgo.WithContext(m.life), kgo.ConnIdleTimeout(idleConnections),
		kgo.MaxDecompressBatchBytes(cluster.DecompressAtMost(o.Topic.BatchBytes())))...)
	if err != nil {
		m.abort()
		return nil, fmt.Errorf("making a Kafka client for a queue: %w", err)
	}
	c.Metrics.KafkaClients(metrics.QueueClient).Inc()
	m.client, m.decoder = client, newDecoder(client, m.log)
	return m, nil
}

// credentials returns the credentials of the next login: renewed ones if some worker has them.
func (m *member) credentials() proxy.KafkaCredentials {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, h := range m.workers {
		if now := h.topic.Credentials(); now != m.key.credentials {
			return now
		}
	}
	return m.key.credentials
}

// enter adds a worker. It returns nil if the member takes none anymore.
func (m *member) enter(o Options) *Worker {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.isOver {
		return nil
	}
	w := newWorker(min(max(1, o.Window), MaxWindow), o.Rate, m.left)
	m.ledger.add(w, o.Topic.ID(), o.Topic.Name)
	m.workers[w] = &hired{o.Topic, o.Topic.WhenOver(func() { m.ledger.fail(w, o.Topic.End()) })}
	notify(m.beat)
	notify(m.steer)
	return w
}

// left is called when a worker is closed.
func (m *member) left(w *Worker) {
	m.mu.Lock()
	defer m.mu.Unlock()
	h := m.workers[w]
	if h == nil {
		return
	}
	h.unwatch()
	delete(m.workers, w)
	notify(m.beat)
	notify(m.steer)
	if len(m.workers) == 0 {
		m.retire()
	}
}

// retire has the member leave. m.mu is held.
func (m *member) retire() {
	if !m.isOver {
		m.isOver = true
		close(m.retired)
	}
}

// await waits until Kafka has taken the member.
func (m *member) await(ctx context.Context) error {
	select {
	case <-m.joined:
	case <-ctx.Done():
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case m.failure != nil:
		return m.failure
	case m.isJoined:
		return nil
	case m.trouble != nil:
		return unavailable(m.trouble, m.key.group)
	default:
		return unavailable(ctx.Err(), m.key.group)
	}
}

// fail ends the member: all workers are told the reason.
func (m *member) fail(reason *proxy.Error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.failure != nil {
		return
	}
	m.failure = reason
	if !m.isJoined {
		close(m.joined)
	}
	for w := range m.workers {
		m.ledger.fail(w, reason)
	}
	m.retire()
}

// succeed notes that Kafka has taken the member.
func (m *member) succeed() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.trouble = nil
	if !m.isJoined && m.failure == nil {
		m.isJoined = true
		close(m.joined)
	}
}

// run serves the workers until the member has retired, and leaves the group.
func (m *member) run() {
	defer m.end()
	if !m.prepare() {
		return
	}
	_ = m.calls.Run(m.steering)
	_ = m.calls.Run(m.expiring)
	epoch := m.heartbeats()
	m.finish()
	m.leave(epoch)
}

// end closes what the member has. Nobody may be waiting for a record then.
func (m *member) end() {
	m.groups.forget(m)
	m.mu.Lock()
	m.retire()
	sessions := slices.Collect(maps.Values(m.sessions))
	m.mu.Unlock()
	for _, s := range sessions {
		m.ledger.loseAll(s.source)
	}
	m.abort()
	m.calls.Refuse()
	m.calls.Wait()
	m.client.Close()
	m.groups.cluster.Metrics.KafkaClients(metrics.QueueClient).Dec()
}

// finish has all sessions settle what they were told to, and waits until they are closed.
func (m *member) finish() {
	m.mu.Lock()
	sessions := slices.Collect(maps.Values(m.sessions))
	m.mu.Unlock()
	for _, s := range sessions {
		s.finish()
	}
	for _, s := range sessions {
		<-s.done
	}
}

// expiring ends holds whose locks have ended.
func (m *member) expiring() {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		if next := m.ledger.expire(time.Now()); !next.IsZero() {
			timer.Reset(time.Until(next))
		}
		select {
		case <-timer.C:
		case <-m.ledger.armed:
		case <-m.life.Done():
			return
		}
	}
}
