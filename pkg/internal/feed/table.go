package feed

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// recordOverhead is about what a record of a table takes besides its bytes.
const recordOverhead = 256

// TooLargeError tells that the newest records of a log do not fit what tables may hold.
type TooLargeError struct{ Held, Limit int64 }

// Error implements error.
func (e *TooLargeError) Error() string {
	return fmt.Sprintf("its newest records need more than %d bytes, and all such tables may have %d", e.Held, e.Limit)
}

// table has the newest record of each key of a log. It is built once, from the begin of the log on, while what is
// written meanwhile is put into it, too: of two records of a key the one with the higher offset stays. The lock of the
// Log guards it, save for its versions.
type table struct {
	versions

	until   proxy.Places // up to where it is built
	records map[tableKey]*version
	built   chan struct{} // closed when it is built, or cannot be
	isBuilt bool
	err     error
}

// tableKey is a key of a partition: a topic is compacted partition by partition.
type tableKey struct {
	partition int32
	key       string
}

// errLeaderless is the error for clients that ask for the newest records of a partition that nobody can be asked about.
var errLeaderless = proxy.Errorf(proxy.KindKafkaUnavailable, "snapshot: a partition has no leader that answers: try again.")

// errTableVoid is the error of a table whose log was truncated meanwhile: it is built anew.
var errTableVoid = errors.New("the log was truncated")

// put takes a record. Until the table is built it keeps tombstones: they are newer than what is still to be read.
func (t *table) put(r *proxy.Record) {
	if r.Key == nil || t.err != nil {
		return
	}
	key := tableKey{r.Partition, string(r.Key)}
	before := t.records[key]
	if before != nil && before.record.Offset >= r.Offset {
		return
	}
	if before != nil {
		delete(t.records, key)
		t.replace(before)
	}
	if r.Value == nil && t.isBuilt {
		return
	}
	t.records[key] = t.add(keep(r), t.isBuilt)
	if held, fits := t.shared.makeRoom(); !fits {
		t.fail(&TooLargeError{held, t.shared.limit})
	}
}

func sizeOf(r *proxy.Record) int64 {
	size := recordOverhead + 2*len(r.Key) + len(r.Value)
	for i := range r.Headers {
		size += len(r.Headers[i].Key) + len(r.Headers[i].Value) + recordOverhead/4
	}
	return int64(size)
}

// keep copies a record, whose memory is used again.
func keep(r *proxy.Record) *proxy.Record {
	kept := *r
	kept.Key, kept.Value = slices.Clone(r.Key), slices.Clone(r.Value)
	kept.Headers = slices.Clone(r.Headers)
	for i := range kept.Headers {
		kept.Headers[i].Value = slices.Clone(kept.Headers[i].Value)
	}
	return &kept
}

// finish ends the building.
func (t *table) finish() {
	if t.isBuilt || t.err != nil {
		return
	}
	for key, v := range t.records {
		if v.record.Value == nil {
			delete(t.records, key)
			t.replace(v)
		}
	}
	t.order(slices.SortedFunc(maps.Values(t.records), func(a, b *version) int { return inPartitionOrder(a.record, b.record) }))
	t.isBuilt = true
	close(t.built)
}

// fail gives the table up. Snapshots that wait still have its records.
func (t *table) fail(err error) {
	if t.err != nil {
		return
	}
	t.err = err
	t.replace(slices.Collect(maps.Values(t.records))...)
	t.records = nil
	if !t.isBuilt {
		close(t.built)
	}
}

// inPartitionOrder compares records by their partitions, and by their offsets there.
func inPartitionOrder(a, b *proxy.Record) int {
	return cmp.Or(cmp.Compare(a.Partition, b.Partition), cmp.Compare(a.Offset, b.Offset))
}

// awaitTable waits until there is a table, which it has built where there is none.
func (l *Log) awaitTable(ctx context.Context) error {
	for {
		l.mu.Lock()
		t := l.table
		if t == nil || t.err != nil {
			t = l.beginTable()
		}
		l.mu.Unlock()
		select {
		case <-t.built:
		case <-ctx.Done():
			return ctx.Err() //nolint:wrapcheck // an error for the client
		}
		l.mu.Lock()
		err := t.err
		l.mu.Unlock()
		if !errors.Is(err, errTableVoid) {
			return err
		}
	}
}

func newTable(shared *tables, until proxy.Places) *table {
	return &table{versions: versions{shared: shared}, until: until, records: map[tableKey]*version{}, built: make(chan struct{})}
}

// beginTable begins to build a table. l.mu is held.
func (l *Log) beginTable() *table {
	t := newTable(l.tables, l.fetched.Clone())
	l.table = t
	if l.ended {
		t.fail(errEnded)
		return t
	}
	if t.until.HaveTimes() {
		t.fail(errLeaderless)
		return t
	}
	l.building.Go(func() {
		if err := l.build(l.gone, t); err != nil {
			l.mu.Lock()
			t.fail(err)
			l.mu.Unlock()
		}
	})
	return t
}

// build reads the log up to where the table gets what is fetched.
func (l *Log) build(ctx context.Context, t *table) error {
	at, err := l.source.Starts(ctx)
	if err != nil {
		return err //nolint:wrapcheck // an error for the client
	}
	reader, err := l.source.Read(ctx, at.Clone())
	if err != nil {
		return err //nolint:wrapcheck // an error for the client
	}
	defer reader.Close()
	for !at.Passes(t.until) {
		batch, err := reader.Poll(ctx)
		if err != nil {
			return err //nolint:wrapcheck // an error for the client
		}
		at.Pass(batch)
		l.mu.Lock()
		for i := range batch.Records {
			if r := &batch.Records[i]; r.Offset < t.until[r.Partition].Offset { // what follows comes when it is fetched
				t.put(r)
			}
		}
		err = t.err
		l.mu.Unlock()
		if err != nil {
			return err
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	t.finish()
	return nil
}

// keepTable puts what was fetched into the table. l.mu is held.
func (l *Log) keepTable(batch proxy.Batch) {
	switch {
	case l.table == nil || l.table.err != nil:
	case len(batch.Gaps) > 0:
		l.table.fail(errTableVoid)
	default:
		for i := range batch.Records {
			l.table.put(&batch.Records[i])
		}
	}
}
