package kafka

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// abortPause is how long Settle waits before it tries again.
const abortPause = 100 * time.Millisecond

// Hold makes the connection the one that writes under its transactional id, which fences the
// one before it, and aborts what that had open. Later calls tell whether it still is. An error
// means that it is not, and will not be anymore; that Kafka does not answer is none.
func (t *Transactions) Hold(ctx context.Context) *proxy.Error {
	id, epoch, err := t.client.ProducerID(ctx)
	if err != nil {
		return t.lost(err)
	}
	if !t.held {
		t.held = true
		return nil
	}
	if t.isTaken(ctx, id, epoch) {
		return errFencedProducer(nil)
	}
	return nil
}

// isTaken asks Kafka whether the transactional id has gone on from a producer id and epoch.
// Not every user may ask: what is produced will tell, too.
func (t *Transactions) isTaken(ctx context.Context, id int64, epoch int16) bool {
	all, err := t.pool.cluster.admin.DescribeTransactions(ctx, t.id)
	now, found := all[t.id]
	return err == nil && found && now.Err == nil && (now.ProducerID != id || now.ProducerEpoch > epoch)
}

// Commit writes records in one transaction, and their places into acks. Kafka must have all
// of them until by. An error of KindTimeout says that nobody knows whether they were written;
// every other error that they were not, and will not be. Settle must be called before the
// next transaction, and before the records' bytes change.
func (t *Transactions) Commit(by time.Time, records []*proxy.Record, acks []proxy.Ack) *proxy.Error {
	if e := t.begin(by); e != nil {
		return e
	}
	t.pending = t.produce(records, acks)
	if err := t.pending.await(by); err != nil {
		return t.aborted(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), t.pool.cluster.settings.ProducerDeliveryTimeout)
	defer cancel()
	// Records that waited for the topic's metadata can be acknowledged before franz-go has
	// stored its partitions. EndTransaction then sees none in the transaction, aborts it, and
	// reports success. This takes the lock under which they are stored.
	if err := t.client.AbortBufferedRecords(ctx); err != nil {
		return t.aborted(err)
	}
	t.ends.count.Store(0)
	err := t.client.EndTransaction(ctx, kgo.TryCommit)
	if err == nil {
		t.pending = nil
		return nil
	}
	if t.ends.count.Load() == 0 || t.ends.count.Load() == 1 && isDefinite(err) {
		return t.aborted(err)
	}
	t.unknown = true
	return proxy.Wrap(err, proxy.KindTimeout, "Kafka did not confirm the commit of the transaction: the message may have been written.")
}

// begin begins a transaction, under a producer id that is known to be ours.
func (t *Transactions) begin(by time.Time) *proxy.Error {
	ctx, cancel := context.WithDeadline(context.Background(), by)
	defer cancel()
	if _, _, err := t.client.ProducerID(ctx); err != nil {
		return t.aborted(err)
	}
	t.held, t.began = true, time.Now()
	if err := t.client.BeginTransaction(); err != nil {
		return t.aborted(err)
	}
	return nil
}

// Settle waits until Kafka's client has let go of the records of the latest transaction, and
// that is at its end, so that another can begin. An error means that none can: the connection
// is over. So it is when ctx ends before.
func (t *Transactions) Settle(ctx context.Context) *proxy.Error {
	t.expired = t.expired || t.pending != nil && time.Since(t.began) >= t.timeout
	for t.pending != nil {
		err := t.abort(ctx)
		if err == nil {
			t.pending = nil
			break
		}
		if e := t.lost(err); e != nil {
			return t.why(ctx, e)
		}
		select {
		case <-time.After(abortPause):
		case <-ctx.Done():
			return proxy.Wrap(err, proxy.KindKafkaUnavailable, "Kafka does not end the transaction: connect again.")
		}
	}
	if _, _, err := t.client.ProducerID(ctx); err != nil {
		return t.why(ctx, t.lost(err))
	}
	t.unknown = false
	if t.maxBatch != batchBytes(t.topic) {
		return proxy.Errorf(proxy.KindKafkaUnavailable, "The settings of topic %q have changed: connect again.", t.topic.Name)
	}
	return nil
}

// why looks for the reason why no transaction can begin: Kafka does not always say that
// somebody else has taken over. After an unknown commit it may have raised the epoch for us.
func (t *Transactions) why(ctx context.Context, e *proxy.Error) *proxy.Error {
	if e == nil || e.Kind != proxy.KindKafkaUnavailable || t.expired || t.unknown {
		return e
	}
	if id, epoch, _ := t.client.ProducerID(ctx); t.isTaken(ctx, id, epoch) {
		return errFencedProducer(e)
	}
	return e
}

// abort aborts the transaction, also one whose commit is not confirmed: franz-go then has
// Kafka raise the epoch, which aborts what was not committed.
func (t *Transactions) abort(ctx context.Context) error {
	if err := t.client.AbortBufferedRecords(ctx); err != nil {
		return err
	}
	select {
	case <-t.pending.done:
	case <-ctx.Done():
		return ctx.Err()
	}
	return t.client.EndTransaction(ctx, kgo.TryAbort)
}

// aborted is the answer to the messages of a transaction that will not be committed.
func (t *Transactions) aborted(err error) *proxy.Error {
	switch {
	case errors.Is(err, kerr.UnknownTopicOrPartition), errors.Is(err, kerr.UnknownTopicID):
		t.topic.topics.Refresh()
		return proxy.Wrap(err, proxy.KindTopicNotFound, "Topic %q does not exist anymore.", t.topic.Name)
	case errors.Is(err, kerr.TopicAuthorizationFailed):
		return proxy.Wrap(err, proxy.KindNotAuthorized, "Kafka does not authorise writing to topic %q.", t.topic.Name)
	case errors.Is(err, kerr.MessageTooLarge), errors.Is(err, kerr.RecordListTooLarge),
		errors.Is(err, kerr.InvalidTimestamp), errors.Is(err, kerr.InvalidRecord):
		t.topic.topics.Refresh()
	}
	return proxy.Wrap(err, proxy.KindTransactionAborted, "The transaction was aborted, nothing of it is written: send the message again.")
}

// lost tells whether an error is the end of the connection, or may pass.
func (t *Transactions) lost(err error) *proxy.Error {
	refusal, isRefusal := errors.AsType[*kerr.Error](err)
	switch {
	case errors.Is(err, kgo.ErrClientClosed):
	case !isRefusal, refusal.Retriable, refusal.Code == kerr.UnknownServerError.Code, refusal.Code == kerr.ConcurrentTransactions.Code:
		return nil
	case isFenced(err) && !t.expired:
		return errFencedProducer(err)
	case errors.Is(err, kerr.TransactionalIDAuthorizationFailed):
		return proxy.Wrap(err, proxy.KindNotAuthorized, "Kafka does not authorise the transactional id %q.", t.id)
	}
	return proxy.Wrap(err, proxy.KindKafkaUnavailable, "Kafka takes no further transaction of this connection: connect again.")
}

// isFenced tells that a transactional id is in other hands, or that Kafka has aborted its
// transaction at the timeout.
func isFenced(err error) bool {
	return errors.Is(err, kerr.ProducerFenced) || errors.Is(err, kerr.InvalidProducerEpoch)
}

func errFencedProducer(cause error) *proxy.Error {
	return proxy.Wrap(cause, proxy.KindFenced, "Another connection with the same clientId and instanceId has taken over.")
}

// isDefinite tells whether an answer to a commit says that it was not done, where it is the
// only one: one that can be tried again may come from a coordinator that has written the
// commit, and goes down before it is replicated.
func isDefinite(err error) bool {
	for _, refusal := range []error{
		kerr.ProducerFenced, kerr.InvalidProducerEpoch, kerr.InvalidProducerIDMapping, kerr.InvalidTxnState,
		kerr.TransactionAbortable, kerr.TransactionalIDAuthorizationFailed,
	} {
		if errors.Is(err, refusal) {
			return true
		}
	}
	return false
}

// endRequests counts the requests to end a transaction that went out, at least in part.
// franz-go repeats one whose answer is lost, and tells of the last answer only.
type endRequests struct{ count atomic.Int64 }

// OnBrokerWrite implements kgo.HookBrokerWrite. It is called before the answer is read.
func (r *endRequests) OnBrokerWrite(_ kgo.BrokerMetadata, key int16, written int, _, _ time.Duration, _ error) {
	if key == int16(kmsg.EndTxn) && written > 0 {
		r.count.Add(1)
	}
}
