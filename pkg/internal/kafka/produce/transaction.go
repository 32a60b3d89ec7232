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
	// minTransactionTimeout is how long Kafka waits for the end of a transaction, unless it
	// takes longer to give up its messages. Until then readers of committed records stand
	// before one that a dead replica has left, if nobody else opens its transactional id.
	minTransactionTimeout = time.Minute
	// maxTransactionTimeout is the longest that brokers allow by default
	// (transaction.max.timeout.ms).
	maxTransactionTimeout = 15 * time.Minute
)

// Transactions is one connection's way to write records to its topic in transactions. It has
// a Kafka client of its own. Its methods are for one goroutine, and Commit and Settle are called
// by turns.
type Transactions struct {
	pool     *Pool
	id       string
	topic    *cluster.Topic
	maxBatch int32
	large    bool          // it has had large records, see large.go
	timeout  time.Duration // after which Kafka aborts a transaction by itself
	ends     *endRequests
	name     proxy.ClientID
	client   *kgo.Client // replaced under the pool's lock
	known    int32       // partitions of the topic that the client knows, 0 before it knows the instance
	wrote    bool        // the client was handed a record
	unfollow func()

	held    bool         // whether the transactional id was ours once
	pending *transaction // what is to be settled
	began   time.Time    // the latest transaction
	unknown bool         // whether nobody knows if it was committed
	expired bool         // whether Kafka may have aborted one at its timeout
}

// TransactionalID names what the connections of an instance of a client have in common: no
// two pairs have the same.
func TransactionalID(client proxy.ClientID, instance proxy.InstanceID) string {
	escape := strings.NewReplacer("%", "%25", "/", "%2F")
	return escape.Replace(string(client)) + "/" + escape.Replace(string(instance))
}

// OpenTransactions returns a producer of transactions for an instance of clientId. Close
// ends it.
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

// grown has the client learn that there are more partitions.
func (t *Transactions) grown() {
	t.pool.mu.Lock()
	defer t.pool.mu.Unlock()
	t.client.ForceMetadataRefresh()
}

// transactionTimeout leaves time for giving up what is produced, and for the commit.
func transactionTimeout(delivery time.Duration) time.Duration {
	return min(max(2*delivery, minTransactionTimeout), maxTransactionTimeout)
}

func (t *Transactions) dial() (*kgo.Client, error) {
	return t.pool.dial(t.topic.Credentials, t.name, t.maxBatch,
		kgo.WithHooks(t.ends),
		kgo.TransactionalID(t.id),
		kgo.TransactionTimeout(t.timeout),
		// All records of a transaction are there at once.
		kgo.ProducerLinger(0),
		// A transaction that follows another at once is told to try again, until Kafka has
		// marked the end of the other in all partitions.
		kgo.RetryBackoffFn(transactionBackoff),
	)
}

// transactionBackoff is the pause before the next try.
func transactionBackoff(fails int) time.Duration {
	const first, last = 10 * time.Millisecond, 2500 * time.Millisecond
	return min(first<<min(max(fails-1, 0), 10), last)
}

// Close ends the client. A transaction that is not settled is aborted by Kafka, at its timeout
// or when the transactional id is opened again.
func (t *Transactions) Close() {
	t.pool.mu.Lock()
	_, open := t.pool.transactions[t]
	delete(t.pool.transactions, t)
	t.pool.mu.Unlock()
	if open {
		t.cut()
	}
}

// cut closes the client, which gives up what is under way.
func (t *Transactions) cut() {
	t.unfollow()
	t.client.Close()
	t.pool.cluster.Metrics.KafkaClients(metrics.ProducerClient).Dec()
}

// Check refuses a record that the topic's settings would refuse. It can take seconds where it asks Kafka.
func (t *Transactions) Check(r *proxy.Record) *proxy.Error { return t.pool.check(t.topic, r) }

// transaction is the records of one.
type transaction struct {
	fates  []proxy.Fate
	left   atomic.Int64
	done   chan struct{} // closed when no record is left without a fate
	failed chan struct{} // closed when the first has failed
	once   atomic.Bool
	first  int   // that one, before failed is closed
	err    error // its error
}

// newTransaction returns one of so many records.
func newTransaction(records int, fates []proxy.Fate) *transaction {
	b := &transaction{fates: fates, done: make(chan struct{}), failed: make(chan struct{})}
	b.left.Store(int64(records))
	if records == 0 {
		close(b.done)
	}
	return b
}

// produce hands records over, whose acknowledgements go to fates.
func (t *Transactions) produce(records []*proxy.Record, fates []proxy.Fate) *transaction {
	b := newTransaction(len(records), fates)
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
		b.fates[i].Ack = proxy.Ack{Partition: r.Partition, Offset: r.Offset, Timestamp: r.Timestamp.UnixMilli()}
	} else if b.once.CompareAndSwap(false, true) {
		b.first, b.err = i, err
		close(b.failed)
	}
	if b.left.Add(-1) == 0 {
		close(b.done)
	}
}

// await waits until Kafka has all records, or one has failed, or it takes too long.
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

// firstFailed returns the record that failed first, if one has.
func (b *transaction) firstFailed() (first int, failed bool) {
	select {
	case <-b.failed:
		return b.first, true
	default:
		return 0, false
	}
}
