package produce

import (
	"context"
	"strings"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/cluster"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/metrics"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

const (
	// minTransactionTimeout is how long Kafka waits for the end of a transaction, or longer if its
	// records fail later. Until then readers of committed records cannot read past a transaction that a
	// dead replica has left open, unless another producer opens its transactional id.
	minTransactionTimeout = time.Minute
	// maxTransactionTimeout is the longest that brokers allow by default
	// (transaction.max.timeout.ms).
	maxTransactionTimeout = 15 * time.Minute
)

// Transactions writes one connection's records to its topic in transactions. It has its own Kafka
// client. Its methods are for one goroutine, and Commit and Settle are called alternately.
type Transactions struct {
	pool     *Pool
	id       string
	topic    *cluster.Topic
	maxBatch int32
	large    bool          // the connection has had large records, see large.go
	timeout  time.Duration // after which Kafka itself aborts a transaction
	ends     *endRequests
	name     proxy.ClientID
	client   *kgo.Client // replaced under the pool's lock
	known    int32       // partitions of the topic that the client knows, 0 before it knows the instance
	wrote    bool        // the client was handed a record
	unfollow func()

	held    bool         // whether this connection has held the transactional id
	pending *transaction // must be settled
	began   time.Time    // time of the begin of the latest transaction
	unknown bool         // whether it is unknown if the latest transaction was committed
	expired bool         // whether Kafka may have aborted a transaction at its timeout
}

// TransactionalID returns the transactional id that all connections of an instance of a client share: no
// two pairs have the same.
func TransactionalID(client proxy.ClientID, instance proxy.InstanceID) string {
	escape := strings.NewReplacer("%", "%25", "/", "%2F")
	return escape.Replace(string(client)) + "/" + escape.Replace(string(instance))
}

// OpenTransactions returns a producer of transactions for an instance of clientId. Close ends it.
func (p *Pool) OpenTransactions(client proxy.ClientID, instance proxy.InstanceID, topic *cluster.Topic) (*Transactions, error) {
	t := &Transactions{
		pool: p, id: TransactionalID(client, instance), topic: topic, maxBatch: topic.BatchBytes(),
		timeout: transactionTimeout(p.cluster.Settings.ProducerDeliveryTimeout), ends: &endRequests{}, name: client,
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil, errClosed
	}
	var err error
	if t.client, err = t.dial(); err != nil {
		return nil, err
	}
	t.unfollow = topic.Follow(cluster.Follower{Grown: t.grown, Ended: func() {}})
	p.transactions[t] = struct{}{}
	p.cluster.Metrics.KafkaClients(metrics.ProducerClient).Inc()
	return t, nil
}

// grown makes the client load new partitions.
func (t *Transactions) grown() {
	t.pool.mu.Lock()
	defer t.pool.mu.Unlock()
	t.client.ForceMetadataRefresh()
}

// transactionTimeout leaves time until the records fail, and for the commit.
func transactionTimeout(delivery time.Duration) time.Duration {
	return min(max(2*delivery, minTransactionTimeout), maxTransactionTimeout)
}

func (t *Transactions) dial() (*kgo.Client, error) {
	return t.pool.dial(t.topic.Credentials, t.name, t.maxBatch,
		kgo.WithHooks(t.ends),
		kgo.TransactionalID(t.id),
		kgo.TransactionTimeout(t.timeout),
		// All records of a transaction are available at once.
		kgo.ProducerLinger(0),
		// Kafka refuses a transaction that follows another at once with a retriable error, until it has
		// marked the end of the other in all partitions.
		kgo.RetryBackoffFn(transactionBackoff),
	)
}

// transactionBackoff returns the back-off before the next retry.
func transactionBackoff(fails int) time.Duration {
	const first, last = 10 * time.Millisecond, 2500 * time.Millisecond
	return min(first<<min(max(fails-1, 0), 10), last)
}

// Close closes the client. Kafka aborts a transaction that is not settled, at its timeout or when the
// transactional id is opened again.
func (t *Transactions) Close() {
	t.pool.mu.Lock()
	_, open := t.pool.transactions[t]
	delete(t.pool.transactions, t)
	t.pool.mu.Unlock()
	if open {
		t.cut()
	}
}

// cut closes the client, which abandons operations under way.
func (t *Transactions) cut() {
	t.unfollow()
	t.client.Close()
	t.pool.cluster.Metrics.KafkaClients(metrics.ProducerClient).Dec()
}

// Check refuses a record that the topic's settings would refuse. It can take seconds if it asks Kafka.
func (t *Transactions) Check(r *proxy.Record) *proxy.Error { return t.pool.check(t.topic, r) }

// transaction holds the results of the records of one transaction.
type transaction struct {
	outcomes []proxy.Outcome
	left     atomic.Int64
	done     chan struct{} // closed when all records have a result
	failed   chan struct{} // closed when the first record has failed
	once     atomic.Bool
	first    int   // index of that record, set before failed is closed
	err      error // its error
}

// newTransaction returns a transaction with the given number of records.
func newTransaction(records int, outcomes []proxy.Outcome) *transaction {
	b := &transaction{outcomes: outcomes, done: make(chan struct{}), failed: make(chan struct{})}
	b.left.Store(int64(records))
	if records == 0 {
		close(b.done)
	}
	return b
}

// produce hands records to the client. Their acknowledgements are written to outcomes.
func (t *Transactions) produce(records []*proxy.Record, outcomes []proxy.Outcome) *transaction {
	b := newTransaction(len(records), outcomes)
	contexts := t.pool.records.expiry.Of(time.Now())
	batched := make([]kgo.Record, len(records))
	for i, r := range records {
		record := &batched[i]
		fillRecord(record, r, t.topic.Name, contexts)
		record.Headers = appendHeaders(nil, r)
		t.client.Produce(record.Context, record, func(r *kgo.Record, err error) { b.settled(i, r, err) })
	}
	return b
}

func (b *transaction) settled(i int, r *kgo.Record, err error) {
	if err == nil {
		b.outcomes[i].Ack = proxy.Ack{Partition: r.Partition, Offset: r.Offset, Timestamp: r.Timestamp.UnixMilli()}
	} else if b.once.CompareAndSwap(false, true) {
		b.first, b.err = i, err
		close(b.failed)
	}
	if b.left.Add(-1) == 0 {
		close(b.done)
	}
}

// await waits until Kafka has acknowledged all records, or one has failed, or by has passed.
func (b *transaction) await(by time.Time) error {
	timer := time.NewTimer(time.Until(by))
	defer timer.Stop()
	select {
	case <-b.done:
	case <-b.failed:
	case <-timer.C:
		return context.DeadlineExceeded
	}
	if b.once.Load() {
		<-b.failed
		return b.err
	}
	return nil
}

// firstFailed returns the record that failed first, if any.
func (b *transaction) firstFailed() (first int, failed bool) {
	select {
	case <-b.failed:
		return b.first, true
	default:
		return 0, false
	}
}
