package produce

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/cluster"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/metrics"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

const (
	// closedForGood as a client's number of held records lets nobody add one.
	closedForGood = math.MinInt64 / 2
	// sweepsPerIdle is how often in an idle timeout the pool looks for idle clients.
	sweepsPerIdle = 4
	// stuckInterval is how often clients that hold records are asked whether they are stuck.
	stuckInterval = 5 * time.Second
	// sharedClientID is the client.id of what connections share when the pool is full.
	sharedClientID = "wsproxy"
)

// errClosed tells that the proxy has let go of Kafka.
var errClosed = errors.New("the pool of producers is closed")

// errNoRoom tells that all producing clients are busy.
var errNoRoom = errors.New("no Kafka client is free: there are as many as KAFKA_MAX_PRODUCER_CLIENTS allows")

// Pool is the pool of producing clients, one per clientId and Kafka credentials. Where topics allow batches of
// different sizes, a clientId has one for each size: franz-go notices no change of it.
type Pool struct {
	cluster *cluster.Cluster
	records recycled
	expire  context.CancelFunc // of what franz-go holds
	life    context.Context    //nolint:containedctx // until Close
	stop    context.CancelFunc
	done    chan struct{}
	doubts  cluster.Calls

	mu           sync.Mutex // guards what follows
	closed       bool
	clients      map[clientKey]*pooled
	transactions map[*Transactions]struct{} // those that are open
}

// clientKey tells producing clients apart. It holds secrets: it is not to be printed.
type clientKey struct {
	id          proxy.ClientID
	maxBatch    int32
	credentials proxy.KafkaCredentials
}

// pooled is a producing client and what tells whether it is idle.
type pooled struct {
	key    clientKey
	client *kgo.Client
	lost   *lostAnswers
	held   atomic.Int64  // records without a fate
	uses   atomic.Uint64 // records ever

	doubted atomic.Bool // it is being looked whether it is stuck
	stuck   atomic.Bool // it can produce nothing anymore

	// The sweeper's.
	seen   uint64 // uses at the last sweep
	idleAt time.Time
}

// fits tells whether the client is as a key asks for, be it shared with other clientIds.
func (p *pooled) fits(key clientKey) bool {
	return p.key.maxBatch == key.maxBatch && p.key.credentials == key.credentials
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

// retire closes the client if it holds no record.
func (p *pooled) retire(m *metrics.Metrics) bool {
	if !p.held.CompareAndSwap(0, closedForGood) {
		return false
	}
	p.close(m)
	return true
}

// close closes the client, whatever it holds.
func (p *pooled) close(m *metrics.Metrics) {
	p.held.Store(closedForGood)
	p.client.Close()
	m.KafkaClients(metrics.ProducerClient).Dec()
}

// NewPool starts the pool. Close ends it.
func NewPool(c *cluster.Cluster) *Pool {
	ctx, stop := context.WithCancel(context.Background())
	p := &Pool{
		cluster: c, life: ctx, stop: stop,
		done: make(chan struct{}), clients: make(map[clientKey]*pooled), transactions: make(map[*Transactions]struct{}),
	}
	held, expire := context.WithCancel(context.Background())
	// The TIMEOUT answer has a timer of its own. franz-go gives up later, since it fails
	// younger records of the partition together with the oldest.
	p.records.expiry, p.expire = NewExpiry(held, 2*c.Settings.ProducerDeliveryTimeout), expire
	go p.sweepLoop(ctx)
	return p
}

// Close flushes and closes all clients, within ctx.
func (p *Pool) Close(ctx context.Context) {
	p.stop()
	<-p.done
	defer p.expire()
	p.doubts.Refuse()
	p.doubts.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	for key, c := range p.clients {
		_ = c.client.Flush(ctx)
		c.close(p.cluster.Metrics)
		delete(p.clients, key)
	}
	for t := range p.transactions {
		t.cut()
		delete(p.transactions, t)
	}
}

// get returns the client of a key. When the pool is full, the client that has been idle for
// longest makes way; if none is idle, one is shared, but never one with a client's credentials.
func (p *Pool) get(key clientKey) (*pooled, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil, errClosed
	}
	if c := p.clients[key]; c != nil {
		return c, nil
	}
	if len(p.clients) >= p.cluster.Settings.MaxProducerClients && !p.makeRoom() {
		if !key.credentials.IsZero() {
			return nil, errNoRoom
		}
		key.id = sharedClientID
		if c := p.clients[key]; c != nil {
			return c, nil
		}
	}
	lost := newLostAnswers()
	client, err := p.dial(cluster.Always(key.credentials), key.id, key.maxBatch, kgo.WithHooks(lost))
	if err != nil {
		return nil, err
	}
	c := &pooled{key: key, client: client, lost: lost, idleAt: time.Now()}
	p.clients[key] = c
	p.cluster.Metrics.KafkaClients(metrics.ProducerClient).Inc()
	return c, nil
}

// dial makes a client. It connects when it is used.
func (p *Pool) dial(as cluster.Credentials, id proxy.ClientID, maxBatch int32, more ...kgo.Opt) (*kgo.Client, error) {
	s := p.cluster.Settings
	client, err := kgo.NewClient(p.cluster.OptionsAs(metrics.ProducerClient, as, string(id), append([]kgo.Opt{
		kgo.RequiredAcks(kgo.AllISRAcks()),
		kgo.RecordPartitioner(newPartitioner()),
		kgo.ProducerLinger(s.ProducerLinger),
		kgo.ProducerBatchCompression(compression(s.ProducerCompressionType)),
		kgo.ProducerBatchMaxBytes(maxBatch),
		// Every connection has a window of its own: one with a stuck partition must not stop
		// the others.
		kgo.MaxBufferedRecords(math.MaxInt32),
	}, more...)...)...)
	if err != nil {
		return nil, fmt.Errorf("making a Kafka producer: %w", err)
	}
	return client, nil
}

func compression(name string) kgo.CompressionCodec {
	switch name {
	case "gzip":
		return kgo.GzipCompression()
	case "snappy":
		return kgo.SnappyCompression()
	case "lz4":
		return kgo.Lz4Compression()
	case "zstd":
		return kgo.ZstdCompression()
	default:
		return kgo.NoCompression()
	}
}

// makeRoom closes the client that has been idle for longest. p.mu is held.
func (p *Pool) makeRoom() bool {
	var oldest *pooled
	for _, c := range p.clients {
		if c.held.Load() == 0 && (oldest == nil || c.idleAt.Before(oldest.idleAt)) {
			oldest = c
		}
	}
	if oldest == nil || !oldest.retire(p.cluster.Metrics) {
		return false
	}
	delete(p.clients, oldest.key)
	return true
}

func (p *Pool) sweepLoop(ctx context.Context) {
	defer close(p.done)
	idle := time.NewTicker(p.cluster.Settings.ClientIdleTimeout / sweepsPerIdle)
	defer idle.Stop()
	stuck := time.NewTicker(stuckInterval)
	defer stuck.Stop()
	for {
		select {
		case <-idle.C:
			p.sweep(time.Now())
		case <-stuck.C:
			p.doubtThoseThatHold()
		case <-ctx.Done():
			return
		}
	}
}

// sweep closes the clients that nobody has used for the idle timeout.
func (p *Pool) sweep(now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for key, c := range p.clients {
		if uses := c.uses.Load(); uses != c.seen {
			c.seen, c.idleAt = uses, now
			continue
		}
		if now.Sub(c.idleAt) >= p.cluster.Settings.ClientIdleTimeout && c.retire(p.cluster.Metrics) {
			delete(p.clients, key)
		}
	}
}
