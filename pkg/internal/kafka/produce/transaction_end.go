package produce

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

// abortPause is the pause before Settle retries.
const abortPause = 100 * time.Millisecond

// Hold makes this connection the one that writes under its transactional id, which fences the previous
// one, and aborts its open transaction. Later calls check whether it still is. An error means that it is
// not, and will not be anymore; if Kafka does not answer, that is no error.
func (t *Transactions) Hold(ctx context.Context) *proxy.Error {
	held := t.held
	if e := t.ready(ctx); e != nil || !held {
		return e
	}
	id, epoch, err := t.client.ProducerID(ctx)
	taken := false
	if err == nil {
		taken, err = t.isTaken(ctx, id, epoch)
	}
	if err == nil && taken {
		return errFencedProducer(nil)
	}
	return nil // producing will show it, too
}

// Commit writes records in one transaction, and the result of each into outcomes. It reports whether the
// transaction was committed: if not, all outcomes are errors. An error of KindTimeout means that it is
// unknown whether the record was written, any other error that it was not, and will not be. Kafka must
// have acknowledged all records until by. Settle must be called before the next transaction, and before
// the records' bytes change.
func (t *Transactions) Commit(by time.Time, records []*proxy.Record, outcomes []proxy.Outcome) bool {
	e := t.transact(by, records, outcomes)
	if e == nil {
		return true
	}
	for i := range outcomes {
		if outcomes[i].Err == nil {
			outcomes[i].Err = e
		}
	}
	return false
}

// transact is like Commit, but returns the error of those records that have none of their own. A transaction that cannot
// begin has refused each of its records for the same reason. In one that has begun, that is true of the record that
// failed first alone: the others might be written with the next.
func (t *Transactions) transact(by time.Time, records []*proxy.Record, outcomes []proxy.Outcome) *proxy.Error {
	if err := t.begin(by, records); err != nil {
		return t.refused(err)
	}
	if err := t.write(by, records, outcomes); err != nil {
		return errAborted(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), t.pool.cluster.Settings.ProducerDeliveryTimeout)
	defer cancel()
	t.ends.count.Store(0)
	err := t.client.EndTransaction(ctx, kgo.TryCommit)
	if err == nil {
		t.pending, t.expired = nil, false
		return nil
	}
	if t.ends.count.Load() == 0 || t.ends.count.Load() == 1 && isDefinite(err) {
		return errAborted(err)
	}
	t.unknown = true
	return proxy.Wrap(err, proxy.KindTimeout, "Kafka did not confirm the commit of the transaction: the message may have been written.")
}

// write produces records and waits until Kafka has acknowledged them.
func (t *Transactions) write(by time.Time, records []*proxy.Record, outcomes []proxy.Outcome) error {
	for from := 0; from < len(records); {
		to := from + t.atOnce(records[from:])
		t.wrote = true
		t.pending = t.produce(records[from:to], outcomes[from:to])
		if err := t.pending.await(by); err != nil {
			if first, failed := t.pending.firstFailed(); failed {
				outcomes[from+first].Err = t.refused(err)
			}
			return err
		}
		from = to
	}
	return nil
}

// begin begins a transaction, under a producer id that this connection is known to hold, with a client
// that knows the topic instance as far as the records need it.
func (t *Transactions) begin(by time.Time, records []*proxy.Record) error {
	ctx, cancel := context.WithDeadline(context.Background(), by)
	defer cancel()
	if hasEnded(t.topic.Instance) {
		return errEnded
	}
	t.large = t.large || t.hasLarge(records)
	if e := t.ready(ctx); e != nil {
		return e
	}
	if _, _, err := t.client.ProducerID(ctx); err != nil {
		return err
	}
	t.held, t.began = true, time.Now()
	if err := t.client.BeginTransaction(); err != nil {
		return err
	}
	return t.load(ctx, records)
}

// load makes the client load the topic instance. franz-go loads topics within transactions only: if that
// fails, there is a transaction to abort.
//
// If records wait for a topic to be loaded, they can be acknowledged before franz-go has stored its
// partitions. EndTransaction then sees no partitions in the transaction, aborts it, and reports success.
// After load no record has to wait.
func (t *Transactions) load(ctx context.Context, records []*proxy.Record) error {
	wanted := int32(1)
	for _, r := range records {
		wanted = max(wanted, r.Partition+1)
	}
	if t.known >= wanted {
		return nil
	}
	var err error
	if t.known, err = loadInstance(ctx, t.client, t.topic.Instance, wanted, !t.wrote); err != nil {
		t.pending = newTransaction(0, nil)
	}
	if errors.Is(err, errOtherInstance) {
		t.maxBatch = 0 // matches no client, so that it is replaced
	}
	return err
}

// Settle waits until Kafka's client no longer holds the records of the latest transaction, and the
// transaction has ended, so that another one can begin. An error means that none can, and that the
// connection must end. It also returns an error if ctx ends before.
func (t *Transactions) Settle(ctx context.Context) *proxy.Error {
	t.expired = t.expired || t.pending != nil && time.Since(t.began) >= t.timeout
	for t.pending != nil {
		err := t.abort(ctx)
		// A client that was refused for good is replaced, which aborts the transaction. An unknown
		// server error does not count as a refusal here.
		if err == nil || isRefusal(err) && !errors.Is(err, kerr.UnknownServerError) {
			t.pending = nil
			break
		}
		select {
		case <-time.After(abortPause):
		case <-ctx.Done():
			return proxy.Wrap(err, proxy.KindKafkaUnavailable, "Kafka does not end the transaction: connect again.")
		}
	}
	return t.ready(ctx)
}

// abort aborts the transaction, also if its commit is not confirmed: franz-go then makes Kafka raise the
// epoch, which aborts what was not committed. If Kafka refuses, the client no longer holds the records
// by then.
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

// refused returns the error for a record that Kafka or franz-go has refused.
func (t *Transactions) refused(err error) *proxy.Error {
	why := causeOf(err)
	if hasEnded(t.topic.Instance) {
		why = topicEnded
	}
	if e := answerRefusal(t.topic, why, err); e != nil {
		return e
	}
	return errAborted(err)
}

// errAborted returns the error for the messages of a transaction that will not be committed.
func errAborted(cause error) *proxy.Error {
	return proxy.Wrap(cause, proxy.KindTransactionAborted, "The transaction was aborted, nothing of it is written: send the message again.")
}

// isDefinite reports whether the only answer to a commit means that the commit was not done: a retriable
// error may come from a coordinator that has written the commit, and fails before the commit is
// replicated.
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

// endRequests counts the requests to end a transaction that were sent, at least in part. franz-go
// retries a request whose answer is lost, and reports the last answer only.
type endRequests struct{ count atomic.Int64 }

// OnBrokerWrite implements kgo.HookBrokerWrite. It is called before the answer is read.
func (r *endRequests) OnBrokerWrite(_ kgo.BrokerMetadata, key int16, written int, _, _ time.Duration, _ error) {
	if key == int16(kmsg.EndTxn) && written > 0 {
		r.count.Add(1)
	}
}
