package produce

import (
	"context"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// ready checks whether a transaction can begin, and replaces the client if that is necessary: franz-go
// keeps refusals of a producer id, and cannot change its largest batch. An error ends the connection. If
// Kafka does not answer, that is no error.
func (t *Transactions) ready(ctx context.Context) *proxy.Error {
	id, epoch, err := t.client.ProducerID(ctx)
	switch {
	case isFinal(err):
	case err != nil:
		return nil //nolint:nilerr // said above
	default:
		t.held, t.unknown = true, false
		if t.maxBatch == t.batchBytes() {
			return nil
		}
	}
	if e := t.renew(ctx, id, epoch, err); e != nil {
		return e
	}
	_, _, err = t.client.ProducerID(ctx)
	if isFinal(err) {
		return t.lost(err)
	}
	t.held = err == nil
	return nil
}

// renew switches to another client because of the cause, if any. The new client opens the transactional
// id anew, which aborts the old client's open transaction, and would fence a successor: so renew first
// asks Kafka whether there is one. No record is held.
func (t *Transactions) renew(ctx context.Context, id int64, epoch int16, cause error) *proxy.Error {
	if e := t.lost(cause); e.Kind != proxy.KindKafkaUnavailable {
		return e
	}
	if t.held {
		// Kafka itself has raised the epoch if it has aborted a transaction at its timeout, and maybe
		// after an unknown commit.
		if t.expired || t.unknown {
			return t.lost(cause)
		}
		taken, err := t.isTaken(ctx, id, epoch)
		if err != nil {
			return t.lost(errors.Join(cause, err))
		}
		if taken {
			return errFencedProducer(cause)
		}
	}
	if err := t.replace(); err != nil {
		return t.lost(err)
	}
	return nil
}

// replace closes the client, and creates another one, which has not held the transactional id yet.
func (t *Transactions) replace() error {
	old, err := t.swap()
	if err != nil {
		return err
	}
	old.Close()
	return nil
}

func (t *Transactions) swap() (old *kgo.Client, err error) {
	t.pool.mu.Lock()
	defer t.pool.mu.Unlock()
	if _, open := t.pool.transactions[t]; !open {
		return nil, errClosed
	}
	t.maxBatch = t.batchBytes()
	client, err := t.dial()
	if err != nil {
		return nil, err
	}
	old, t.client, t.held, t.known, t.wrote = t.client, client, false, 0, false
	return old, nil
}

// isTaken asks Kafka whether the transactional id has a newer producer id or epoch than the given ones.
// If Kafka has forgotten the id, it has not.
func (t *Transactions) isTaken(ctx context.Context, id int64, epoch int16) (bool, error) {
	admin := t.pool.cluster.Admin
	if !t.topic.Credentials().IsZero() { // the proxy itself may have no right to the transactional id
		admin = kadm.NewClient(t.client)
	}
	all, err := admin.DescribeTransactions(ctx, t.id)
	if err != nil {
		return false, fmt.Errorf("describing transaction %q: %w", t.id, err)
	}
	now, found := all[t.id]
	switch {
	case !found, errors.Is(now.Err, kerr.TransactionalIDNotFound):
		return false, nil
	case now.Err != nil:
		return false, fmt.Errorf("describing transaction %q: %w", t.id, now.Err)
	}
	return now.ProducerID != id || now.ProducerEpoch > epoch, nil
}

// lost returns the error that ends the connection after a refusal from which it cannot recover.
func (t *Transactions) lost(refusal error) *proxy.Error {
	switch {
	case isFenced(refusal) && !t.expired:
		return errFencedProducer(refusal)
	case errors.Is(refusal, kerr.TransactionalIDAuthorizationFailed):
		return proxy.Wrap(refusal, proxy.KindNotAuthorized, "Kafka does not authorise the transactional id %q.", t.id)
	}
	return proxy.Wrap(refusal, proxy.KindKafkaUnavailable, "Kafka takes no further transaction of this connection: connect again.")
}

// isFinal reports whether franz-go cannot recover from an error of its producer id: a refusal, or any
// error that franz-go keeps. It returns a kept error unwrapped, and wraps errors that it does not keep.
func isFinal(err error) bool {
	_, kept := err.(*kerr.Error) //nolint:errorlint // said above
	return kept || isRefusal(err)
}

// isRefusal reports whether Kafka, or a closed client, has refused something for good.
func isRefusal(err error) bool {
	refusal, ok := errors.AsType[*kerr.Error](err)
	return ok && !refusal.Retriable && refusal.Code != kerr.ConcurrentTransactions.Code || errors.Is(err, kgo.ErrClientClosed)
}

// isFenced reports whether another producer has taken over a transactional id, or Kafka has aborted its
// transaction at the timeout.
func isFenced(err error) bool {
	return errors.Is(err, kerr.ProducerFenced) || errors.Is(err, kerr.InvalidProducerEpoch)
}

func errFencedProducer(cause error) *proxy.Error {
	return proxy.Wrap(cause, proxy.KindFenced, "Another connection with the same clientId and instanceId has taken over.")
}
