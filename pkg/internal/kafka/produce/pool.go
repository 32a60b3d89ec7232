package produce

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/cluster"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/metrics"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

const (
	// sweepsPerIdle is how often per idle timeout the pool looks for idle clients.
	sweepsPerIdle = 4
	// stuckInterval is the interval at which clients that hold records are checked for being stuck.
	stuckInterval = 5 * time.Second
	// sharedClientID is the client.id of the client that connections share when the pool is full.
	sharedClientID = "wsproxy"
)

// errClosed means that the proxy no longer uses Kafka.
var errClosed = errors.New("the pool of producers is closed")

// errNoRoom means that all producing clients are busy.
var errNoRoom = errors.New("no Kafka client is free: there are as many as KAFKA_MAX_PRODUCER_CLIENTS allows")

// Pool is the pool of producing clients, one per clientId and Kafka credentials. If topics allow batches
// of different sizes, a clientId has one client for each size: franz-go cannot change the size later.
// Large records have a separate client, see large.go.
type Pool struct {
	cluster *cluster.Cluster
	records recycled
	expire  context.CancelFunc // ends the records that franz-go holds
	life    context.Context    //nolint:containedctx // until Close
	stop    context.CancelFunc
	done    chan struct{} // closed when the sweeper has ended
	work    cluster.Calls // of clients: operations that take time

	compression *cluster.Compression // nil without compression

	mu           sync.Mutex // guards what follows. No wait for a broker happens under it.
	closed       bool
	clients      map[clientKey]*pooled
	closing      int                        // clients that were evicted, and are not closed yet
	transactions map[*Transactions]struct{} // those that are open
}

// NewPool starts the pool. Close ends it.
func NewPool(c *cluster.Cluster) *Pool {
	ctx, stop := context.WithCancel(context.Background())
	p := &Pool{
		cluster: c, life: ctx, stop: stop, compression: compression(c.Settings.ProducerCompressionType),
		done: make(chan struct{}), clients: make(map[clientKey]*pooled), transactions: make(map[*Transactions]struct{}),
	}
	held, expire := context.WithCancel(context.Background())
	p.records.expiry, p.expire = NewExpiry(held, p.giveUpAfter()), expire
	go p.sweepLoop(ctx)
	return p
}

// giveUpAfter is the age at which franz-go fails records. The TIMEOUT answer has its own timer.
// franz-go's limit is longer, since it fails younger records of the partition together with the oldest.
func (p *Pool) giveUpAfter() time.Duration { return 2 * p.cluster.Settings.ProducerDeliveryTimeout }

// Close flushes and closes all clients, within ctx.
func (p *Pool) Close(ctx context.Context) {
	p.stop()
	<-p.done
	defer p.expire()
	clients, transactions := p.empty()
	var closing sync.WaitGroup
	for _, c := range clients {
		closing.Go(func() {
			_ = c.client.Flush(ctx) // sends lingering records
			c.drain(ctx)
			c.close(p.cluster.Metrics)
		})
	}
	for _, t := range transactions {
		closing.Go(t.cut)
	}
	closing.Wait()
	p.work.Refuse()
	p.work.Wait()
}

// empty stops the pool from handing out clients, and returns what it held.
func (p *Pool) empty() (clients []*pooled, transactions []*Transactions) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	for key, c := range p.clients {
		clients = append(clients, c)
		delete(p.clients, key)
	}
	for t := range p.transactions {
		transactions = append(transactions, t)
		delete(p.transactions, t)
	}
	return clients, transactions
}

// need describes the client that a connection needs.
type need struct {
	clientKey
	leaves *pooled // the connection's former client, if its credentials or its topic's settings have changed
	shares bool    // the connection creates no further client in a full pool
}

// get returns a client. When the pool is full, it evicts the client that the connection leaves, or one
// that has been idle for long. If there is none, or if n.shares is set, connections share a client, but
// never one with a client's credentials.
func (p *Pool) get(n need) (*pooled, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil, errClosed
	}
	if c := p.clients[n.clientKey]; c != nil {
		return c, nil
	}
	if len(p.clients) < p.cluster.Settings.MaxProducerClients || p.makeRoom(n) {
		return p.add(n.clientKey)
	}
	if !n.credentials.IsZero() {
		return nil, errNoRoom
	}
	shared := n.clientKey
	shared.id = sharedClientID
	if c := p.clients[shared]; c != nil {
		return c, nil
	}
	return p.add(shared)
}

// add creates a client. p.mu is held.
func (p *Pool) add(key clientKey) (*pooled, error) {
	lost := newLostAnswers()
	client, err := p.dial(cluster.Always(key.credentials), key.id, key.maxBatch, kgo.WithHooks(lost))
	if err != nil {
		return nil, err
	}
	c := &pooled{
		key: key, client: client, lost: lost, loadTimeout: p.giveUpAfter(),
		alone: make(chan struct{}, 1), topics: make(map[string]*topicUse), worn: make(map[instanceKey]struct{}),
		idle: idleness{since: time.Now()},
	}
	c.replace = func() { p.replace(c) }
	p.clients[key] = c
	p.cluster.Metrics.KafkaClients(metrics.ProducerClient).Inc()
	return c, nil
}

// dial creates a client. It connects when it is used.
func (p *Pool) dial(as cluster.Credentials, id proxy.ClientID, maxBatch int32, more ...kgo.Opt) (*kgo.Client, error) {
	s := p.cluster.Settings
	client, err := kgo.NewClient(p.cluster.OptionsAs(metrics.ProducerClient, as, string(id), append([]kgo.Opt{
		kgo.RequiredAcks(kgo.AllISRAcks()),
		kgo.RecordPartitioner(newPartitioner()),
		kgo.ProducerLinger(s.ProducerLinger),
		kgo.ProducerBatchCompression(codec(s.ProducerCompressionType)),
		kgo.ProducerBatchMaxBytes(maxBatch),
		// Every connection has its own window: a connection with a stuck partition must not stop the
		// others.
		kgo.MaxBufferedRecords(math.MaxInt32),
	}, more...)...)...)
	if err != nil {
		return nil, fmt.Errorf("making a Kafka producer: %w", err)
	}
	return client, nil
}
