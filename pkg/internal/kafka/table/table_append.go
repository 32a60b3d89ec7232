package table

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
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/produce"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/metrics"
)

// maxAppending bounds the records that wait for Kafka. Further records are refused: an outage must not
// fill the memory.
const maxAppending = 100_000

var (
	errTableNotOpen  = errors.New("the topic is not open yet")
	errTableClosed   = errors.New("the table is closed")
	errTableOverfull = fmt.Errorf("%d records wait for Kafka already", maxAppending)
)

// Record is a record to append. A nil Value is a tombstone; Kafka refuses a nil Key.
type Record struct{ Key, Value []byte }

// tableAppends is the writing side of a table.
type tableAppends struct {
	mu       sync.Mutex // guards what follows; held while records are handed over, for their order
	closed   bool
	writer   *tableWriter // nil before the topic is known
	pending  sync.WaitGroup
	failures cluster.Calls // what is done after them
}

// tableWriter appends to one topic. A topic that was created again under the same name has another
// writer.
type tableWriter struct {
	client *kgo.Client
	topic  string
	expiry *produce.Expiry
	expire context.CancelFunc
	held   atomic.Int64 // records without a result

	checking atomic.Bool // what is done after a failure is under way
	trouble  writeTrouble
}

// appending is an Append under way. Its fields are used by the goroutine of promises only.
type appending struct {
	table   *Table
	appends *tableAppends
	writer  *tableWriter
	left    int   // records without a result
	err     error // the first error
	done    func(error)
}

// Append writes records after those of earlier calls, and calls done once, with nil when all are
// replicated. It does not wait, and another goroutine calls done. done must return quickly: it delays
// the callbacks of later calls. The records must not be changed before done is called.
//
// After an error each record may be in the log or not. If a record is not there when a later Append
// succeeds, it will not be written anymore: Kafka refuses older records. If no later Append succeeds, it
// may still be written, if it was under way when its time ended. That time is Options.AppendTimeout; if
// an Append reaches it, later ones fail with it.
func (t *Table) Append(records []Record, done func(error)) {
	a := &t.appends
	a.mu.Lock()
	defer a.mu.Unlock()
	if err := a.refuse(len(records)); err != nil {
		a.tell(done, fmt.Errorf("appending to topic %s: %w", t.options.Topic, err))
		return
	}
	if len(records) == 0 {
		a.tell(done, nil)
		return
	}
	w := a.writer
	w.held.Add(int64(len(records)))
	a.pending.Add(1)
	current := &appending{table: t, appends: a, writer: w, left: len(records), done: done}
	ctx := w.expiry.Of(time.Now()).Free
	for i := range records {
		w.client.Produce(ctx, &kgo.Record{Topic: w.topic, Key: records[i].Key, Value: records[i].Value}, current.promise)
	}
}

// refuse returns the reason why records cannot be accepted. a.mu is held.
func (a *tableAppends) refuse(records int) error {
	switch {
	case a.closed:
		return errTableClosed
	case a.writer == nil:
		return errTableNotOpen
	case a.writer.held.Load()+int64(records) > maxAppending:
		return errTableOverfull
	default:
		return nil
	}
}

// tell calls done, but not within Append, whose caller may hold locks that done needs. a.mu is held.
func (a *tableAppends) tell(done func(error), err error) {
	if a.closed {
		go done(err)
		return
	}
	a.pending.Go(func() { done(err) })
}

// promise is called for each record, one after another.
func (p *appending) promise(r *kgo.Record, err error) {
	if err != nil && p.err == nil {
		p.err = fmt.Errorf("appending to topic %s: %w", r.Topic, err)
	}
	p.writer.held.Add(-1)
	p.left--
	if p.left > 0 {
		return
	}
	if p.err != nil {
		p.table.afterFailure(p.writer, p.err)
	} else if p.writer.trouble.end() {
		p.table.log.Info("writing to the topic continues")
	}
	p.done(p.err)
	p.appends.pending.Done()
}

// afterFailure tells why a writer has failed, and replaces it if it is stuck. It does not wait.
func (t *Table) afterFailure(w *tableWriter, failure error) {
	if !w.checking.CompareAndSwap(false, true) {
		return
	}
	_ = t.appends.failures.Run(func() { // a closed table appends nothing anymore
		defer w.checking.Store(false)
		if !t.appends.has(w) {
			return
		}
		if produce.IsStuck(t.life, w.client) {
			t.replace(w)
			return
		}
		t.tellUnwritten(w, failure)
	})
}

// replace replaces a writer. No record of the old one can be under way: it has no producer id.
func (t *Table) replace(w *tableWriter) {
	if !t.appends.has(w) {
		return
	}
	t.log.Warn("Kafka refused a producer id, which is final for the client: the client is replaced")
	if err := t.appends.open(t); err != nil {
		t.log.Error("replacing the client that appends failed", "err", err)
	}
}

func (a *tableAppends) has(w *tableWriter) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.writer == w
}

// isOpen reports whether the topic is known.
func (a *tableAppends) isOpen() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.writer != nil
}

// open makes Append write to the topic that has the name now. Records that wait to be written to the
// former topic fail.
func (a *tableAppends) open(t *Table) error {
	w, err := t.newWriter()
	if err != nil {
		return err
	}
	a.mu.Lock()
	old := a.writer
	if !a.closed {
		a.writer, w = w, old
	}
	a.mu.Unlock()
	w.close(t.cluster.Metrics)
	return nil
}

// close waits until waiting records are written, within ctx, and fails the rest. stop ends the table's
// life, and with it requests about a failed writer.
func (a *tableAppends) close(ctx context.Context, m *metrics.Metrics, stop context.CancelFunc) {
	a.mu.Lock()
	w := a.writer
	a.closed, a.writer = true, nil
	a.mu.Unlock()
	if w != nil {
		_ = w.client.Flush(ctx)
	}
	w.close(m)
	stop()
	a.failures.Refuse()
	a.failures.Wait()
	a.pending.Wait()
}

func (t *Table) newWriter() (*tableWriter, error) {
	o := t.options
	held, expire := context.WithCancel(context.Background())
	client, err := kgo.NewClient(t.cluster.Options(metrics.StateClient, "wsproxy-"+o.Name+"-writer", append(tableClientOptions(),
		kgo.RequiredAcks(kgo.AllISRAcks()),
		kgo.RecordPartitioner(kgo.ManualPartitioner()), // to partition 0
		kgo.ProducerLinger(0),
		kgo.ProducerBatchCompression(kgo.NoCompression()),
		kgo.ProduceRequestTimeout(tableRequestTimeout),
		kgo.MaxBufferedRecords(math.MaxInt32), // Append refuses instead of waiting
		// A record that was given up is not retried, and cannot be written after later records: franz-go
		// bumps the producer's epoch.
		kgo.AllowIdempotentProduceCancellation(),
		kgo.RecordDeliveryTimeout(o.AppendTimeout),
	)...)...)
	if err != nil {
		expire()
		return nil, fmt.Errorf("making the Kafka client that appends to topic %s: %w", o.Topic, err)
	}
	t.cluster.Metrics.KafkaClients(metrics.StateClient).Inc()
	return &tableWriter{client: client, topic: o.Topic, expiry: produce.NewExpiry(held, o.AppendTimeout), expire: expire}, nil
}

// close fails records that were not written.
func (w *tableWriter) close(m *metrics.Metrics) {
	if w == nil {
		return
	}
	w.expire()
	w.client.Close()
	m.KafkaClients(metrics.StateClient).Dec()
}
