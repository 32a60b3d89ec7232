package kafkatest

import (
	"context"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// Owner simulates a reading connection. It implements proxy.Owner.
type Owner struct {
	Commits []proxy.Next // what Revoked returns

	mu      sync.Mutex
	starts  map[int32]proxy.Start
	revoked []int32
}

// Assigned implements proxy.Owner.
func (o *Owner) Assigned(starts map[int32]proxy.Start) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.starts == nil {
		o.starts = make(map[int32]proxy.Start)
	}
	maps.Copy(o.starts, starts)
}

// Revoked implements proxy.Owner.
func (o *Owner) Revoked(_ context.Context, partitions []int32) []proxy.Next {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.revoked = append(o.revoked, partitions...)
	return o.Commits
}

// SetCommits changes what Revoked returns.
func (o *Owner) SetCommits(commits []proxy.Next) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.Commits = commits
}

// Lost implements proxy.Owner.
func (o *Owner) Lost([]int32) {}

// Starts returns the latest start offset of each partition that was ever assigned.
func (o *Owner) Starts() map[int32]int64 {
	o.mu.Lock()
	defer o.mu.Unlock()
	starts := make(map[int32]int64, len(o.starts))
	for partition, start := range o.starts {
		starts[partition] = start.Offset
	}
	return starts
}

// Fresh returns the partitions whose start offset the group has not committed yet.
func (o *Owner) Fresh() (partitions []int32) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for partition, start := range o.starts {
		if start.Commit {
			partitions = append(partitions, partition)
		}
	}
	slices.Sort(partitions)
	return partitions
}

// WasRevoked returns the partitions that were revoked, in order.
func (o *Owner) WasRevoked() []int32 {
	o.mu.Lock()
	defer o.mu.Unlock()
	return append([]int32(nil), o.revoked...)
}

// Outcome is the result of a record. It implements proxy.Completion.
type Outcome struct {
	done chan struct{} // closed when the result is known
	ack  proxy.Ack
	err  error
}

// NewOutcome returns the Outcome of a record that will be produced.
func NewOutcome() *Outcome { return &Outcome{done: make(chan struct{})} }

// Done implements proxy.Completion. It panics if it is called twice.
func (f *Outcome) Done(ack proxy.Ack, err error) {
	f.ack, f.err = ack, err
	close(f.done)
}

// IsKnown reports whether Done was called.
func (f *Outcome) IsKnown() bool {
	select {
	case <-f.done:
		return true
	default:
		return false
	}
}

// Await waits until the result is known.
func (f *Outcome) Await(t testing.TB) (proxy.Ack, error) {
	t.Helper()
	select {
	case <-f.done:
	case <-Deadline(t).Done():
		t.Fatal("the record has no result")
	}
	return f.ack, f.err
}

// Producer is the Kafka side of a connection that writes.
type Producer interface {
	Produce(r *proxy.Record, came time.Time, done proxy.Completion)
}

// Produce writes a record and waits for its result.
func Produce(t testing.TB, p Producer, r proxy.Record) (proxy.Ack, error) {
	t.Helper()
	f := NewOutcome()
	p.Produce(&r, time.Now(), f)
	return f.Await(t)
}

// Value returns a record with a value, for any partition.
func Value(text string) proxy.Record {
	return proxy.Record{Partition: proxy.AnyPartition, Value: []byte(text)}
}

// Transactions is the Kafka side of a connection that writes in transactions.
type Transactions interface {
	Hold(ctx context.Context) *proxy.Error
	Commit(by time.Time, records []*proxy.Record, outcomes []proxy.Outcome) bool
	Settle(ctx context.Context) *proxy.Error
}

// CommitValues writes values to partition 0 in one transaction. If it is not committed, Settle must
// still be called.
func CommitValues(t testing.TB, tx Transactions, values ...string) ([]proxy.Ack, *proxy.Error) {
	t.Helper()
	return CommitBy(tx, time.Now().Add(Patience), values...)
}

// CommitBy is CommitValues with a time until which Kafka must have acknowledged the records.
func CommitBy(tx Transactions, by time.Time, values ...string) ([]proxy.Ack, *proxy.Error) {
	var records []*proxy.Record
	for _, v := range values {
		records = append(records, &proxy.Record{Value: []byte(v)})
	}
	return CommitRecords(tx, by, records)
}

// CommitRecords returns the acknowledgements of the records, or the error of the first.
func CommitRecords(tx Transactions, by time.Time, records []*proxy.Record) (acks []proxy.Ack, e *proxy.Error) {
	outcomes := make([]proxy.Outcome, len(records))
	if !tx.Commit(by, records, outcomes) {
		return nil, outcomes[0].Err
	}
	for i := range outcomes {
		acks = append(acks, outcomes[i].Ack)
	}
	return acks, nil
}

// Settle settles the transaction, and fails the test on an error.
func Settle(t testing.TB, tx Transactions) {
	t.Helper()
	if e := tx.Settle(Deadline(t)); e != nil {
		t.Fatalf("settling: %v", e)
	}
}

// MustCommit commits values and settles the transaction.
func MustCommit(t testing.TB, tx Transactions, values ...string) []proxy.Ack {
	t.Helper()
	acks, e := CommitValues(t, tx, values...)
	if e != nil {
		t.Fatalf("committing %q: %v", values, e)
	}
	Settle(t, tx)
	return acks
}

// MustHold calls Hold, and fails the test on an error.
func MustHold(t testing.TB, tx Transactions) {
	t.Helper()
	if e := tx.Hold(Deadline(t)); e != nil {
		t.Errorf("holding: %v", e)
	}
}

// WantKind fails a test if an error is of another kind, or nil.
func WantKind(t testing.TB, e *proxy.Error, want proxy.Kind) {
	t.Helper()
	if e == nil || e.Kind != want {
		t.Fatalf("got %v, want %v", e, want)
	}
}
