package socket

import (
	"context"
	"sync"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

const (
	// holdInterval is how often a connection without a transaction checks whether it still has its
	// identity.
	holdInterval = 10 * time.Second
	// holdTimeout bounds that check.
	holdTimeout = 5 * time.Second
	// fenceGrace is how long a connection that has lost its identity may take to write its answers.
	fenceGrace = 5 * time.Second
	// settleGrace is how long a transaction may take to end after its connection has ended. Afterwards
	// the next holder of the identity ends it, or Kafka at its timeout.
	settleGrace = 5 * time.Second
	// commitShare is the part of the delivery timeout, one eighth, that is left for the commit: records
	// that Kafka has not acknowledged before are aborted, which tells the client more than TIMEOUT.
	commitShare = 8
)

// Transactor writes records to the topic of one connection in transactions. One goroutine at a time
// calls it.
type Transactor interface {
	// Check refuses a record that does not fit the topic's settings.
	Check(r *proxy.Record) *proxy.Error
	// Hold takes over the connection's identity at the first call, and later checks that the
	// connection still has it. An error ends the connection.
	Hold(ctx context.Context) *proxy.Error
	// Commit writes records in one transaction, and the result of each into outcomes. Records that
	// Kafka has not acknowledged by the time by are given up. It returns whether the transaction
	// was committed; if not, all outcomes are errors. After an error of KindTimeout it is unknown
	// whether the record was written, after any other it never will be.
	Commit(by time.Time, records []*proxy.Record, outcomes []proxy.Outcome) bool
	// Settle is called after each Commit, and waits until the records' bytes may change and
	// another transaction can begin. An error ends the connection.
	Settle(ctx context.Context) *proxy.Error
	Close()
}

// inTransactions is the flow of one /socket/in connection with transactional=true.
type inTransactions struct {
	*in
	transactor Transactor
	ctx        context.Context //nolint:containedctx // ends some time after the connection
	more       chan struct{}   // wakes the committer
	done       chan struct{}   // closed when the committer has ended

	mu      sync.Mutex // guards what follows
	waiting []waiting
	over    bool         // no more messages come
	lost    *proxy.Error // the reason why nothing can be committed anymore
}

// waiting is a message that waits for its transaction.
type waiting struct {
	record proxy.Record
	entry  *entry
}

// ServeInTransactions is like ServeIn, but writes messages in transactions. The options' Producer is
// not used.
func ServeInTransactions(c *Conn, o InOptions, t Transactor) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	f := &inTransactions{in: newIn(c, o), transactor: t, ctx: ctx, more: make(chan struct{}, 1), done: make(chan struct{})}
	go c.writeLoop(f.answers)
	go f.commitLoop()
	defer f.finish(cancel)
	defer c.endAtPanic()
	f.readLoop(f.take)
}

// finish ends the connection and its last transaction.
func (f *inTransactions) finish(cancel context.CancelFunc) {
	f.end()
	f.conn.finish()
	defer time.AfterFunc(settleGrace, cancel).Stop()
	<-f.done
	f.transactor.Close()
	f.answers.abandon()
}

// take queues the messages of a frame for the next transaction, all for the same one.
func (f *inTransactions) take(text bool, frame []byte) error {
	messages, batch := f.decode(text, frame)
	defer f.forget(messages)
	slot, waited, err := f.admit(messages, batch, f.measure(frame, messages))
	if slot == nil || err != nil {
		return err
	}
	f.trace(slot, messages)
	var ready []waiting
	for i := range messages {
		if messages[i].Err != nil {
			continue
		}
		if err := f.transactor.Check(&messages[i].Record); err != nil {
			slot.entries[i].Done(proxy.Ack{}, err)
			continue
		}
		ready = append(ready, waiting{messages[i].Record, &slot.entries[i]})
	}
	if waited {
		f.answers.settle(slot)
	}
	f.enqueue(ready)
	return nil
}

func (f *inTransactions) enqueue(ready []waiting) {
	f.mu.Lock()
	lost := f.lost
	if lost == nil {
		f.waiting = append(f.waiting, ready...)
	}
	f.mu.Unlock()
	if lost != nil {
		refuseAll(ready, lost)
		return
	}
	f.tell()
}

// end tells the committer that no more messages come.
func (f *inTransactions) end() {
	f.mu.Lock()
	f.over = true
	f.mu.Unlock()
	f.tell()
}

func (f *inTransactions) tell() {
	select {
	case f.more <- struct{}{}:
	default:
	}
}

// takeAll returns the messages that wait, and whether no more come.
func (f *inTransactions) takeAll() (batch []waiting, over bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	batch, f.waiting = f.waiting, nil
	return batch, f.over
}

// commitLoop is the committer: it writes waiting messages in one transaction after another.
func (f *inTransactions) commitLoop() {
	defer close(f.done)
	f.hold()
	ticker := time.NewTicker(holdInterval)
	defer ticker.Stop()
	for {
		batch, over := f.takeAll()
		switch {
		case len(batch) > 0:
			f.commit(batch)
			ticker.Reset(holdInterval)
			continue
		case over:
			return
		}
		select {
		case <-f.more:
		case <-ticker.C:
			f.hold()
		}
	}
}

func (f *inTransactions) hold() {
	if f.lost != nil { // no other goroutine writes it
		return
	}
	ctx, cancel := context.WithTimeout(f.ctx, holdTimeout)
	defer cancel()
	f.lose(f.transactor.Hold(ctx))
}

// commit writes messages in one transaction, and answers them. Messages whose time is nearly over
// are answered without being written: they would make the transaction of the others fail.
func (f *inTransactions) commit(batch []waiting) {
	if f.lost != nil {
		refuseAll(batch, f.lost)
		return
	}
	late := 0
	for late < len(batch) && !time.Now().Before(f.by(batch[late])) {
		late++
	}
	refuseAll(batch[:late], proxy.Errorf(proxy.KindTransactionAborted,
		"The message has waited too long for its transaction, and is not written: send it again."))
	if batch = batch[late:]; len(batch) > 0 {
		f.transact(batch)
	}
}

// by returns the time by which Kafka must have acknowledged a message.
func (f *inTransactions) by(m waiting) time.Time {
	timeout := f.options.DeliveryTimeout
	return m.entry.slot.received.Add(timeout - timeout/commitShare)
}

func (f *inTransactions) transact(batch []waiting) {
	records, entries := make([]*proxy.Record, len(batch)), make([]*entry, len(batch))
	for i := range batch {
		records[i], entries[i] = &batch[i].record, batch[i].entry
	}
	outcomes := make([]proxy.Outcome, len(batch))
	if f.transactor.Commit(f.by(batch[0]), records, outcomes) {
		for i, e := range entries {
			e.Done(outcomes[i].Ack, nil)
		}
		f.lose(f.transactor.Settle(f.ctx))
		return
	}
	f.answers.refuse(entries, outcomes) // Kafka's client has not released the bytes yet
	lost := f.transactor.Settle(f.ctx)
	for i, e := range entries {
		e.Done(proxy.Ack{}, outcomes[i].Err)
	}
	f.lose(lost)
}

// refuseAll answers messages with an error, without writing them.
func refuseAll(batch []waiting, e *proxy.Error) {
	for i := range batch {
		batch[i].entry.Done(proxy.Ack{}, e)
	}
}

// lose ends the connection if e is not nil: waiting messages are answered with e.
func (f *inTransactions) lose(e *proxy.Error) {
	if e == nil {
		return
	}
	f.mu.Lock()
	f.lost = e
	f.mu.Unlock()
	f.conn.End(EndWith(e, fenceGrace))
}
