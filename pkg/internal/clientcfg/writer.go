package clientcfg

import (
	"bytes"
	"context"
	"errors"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// ErrNotAppended is the error of a Log whose records will never be in the topic.
var ErrNotAppended = errors.New("nothing was appended")

// Log appends to the topic. Append appends records in order, and calls done once when Kafka has
// acknowledged them all, or with an error: the records may be in the topic then, or arrive there later, unless
// it is ErrNotAppended.
type Log interface {
	Append(records []Record, done func(error))
}

// Writer changes dynamic entries, one at a time. A change is answered when this replica has
// read it back, so that it is in force here, and within moments everywhere.
//
// Whether an entry exists is decided by the records that this replica has read. Two replicas that
// are asked at the same time may both create an entry: the later record counts, and both answers
// were correct when they were given.
type Writer struct {
	table *Table
	log   Log
	turn  chan struct{} // holds one token, which a change takes
}

// NewWriter returns a writer of a table's topic.
func NewWriter(t *Table, log Log) *Writer {
	w := &Writer{table: t, log: log, turn: make(chan struct{}, 1)}
	w.turn <- struct{}{}
	return w
}

// Create adds an entry. It fails if there is one already, if Kafka does not take the
// record, or if it is not known in time whether it does: then the error is of proxy.KindTimeout.
func (w *Writer) Create(ctx context.Context, kind Kind, id string, entry Entry) (Client, error) {
	i := identity{kind, id}
	return w.set(ctx, i, entry, func() error { return w.table.checkAbsent(i) })
}

// Replace replaces an entry. Its errors are those of Create, but for one that says that there is none.
func (w *Writer) Replace(ctx context.Context, kind Kind, id string, entry Entry) (Client, error) {
	i := identity{kind, id}
	return w.set(ctx, i, entry, func() error { return w.table.checkPresent(i) })
}

func (w *Writer) set(ctx context.Context, i identity, entry Entry, check func() error) (Client, error) {
	err := w.change(ctx, func() ([]Record, error) { return []Record{i.record(entry)}, check() })
	if err != nil {
		return Client{}, err
	}
	return w.table.whole(i, entry), nil
}

// Remove removes an entry. Its errors are those of Replace.
func (w *Writer) Remove(ctx context.Context, kind Kind, id string) error {
	i := identity{kind, id}
	return w.change(ctx, func() ([]Record, error) { return []Record{{Key: i.key()}}, w.table.checkPresent(i) })
}

// Clear removes all entries that this replica has read.
func (w *Writer) Clear(ctx context.Context) error { return w.change(ctx, w.table.removals) }

// change appends the records that plan returns, and waits until they are in force here.
func (w *Writer) change(ctx context.Context, plan func() ([]Record, error)) error {
	select {
	case <-w.turn:
		defer func() { w.turn <- struct{}{} }()
	case <-ctx.Done():
		return proxy.Wrap(ctx.Err(), proxy.KindKafkaUnavailable, "Another change of limits takes too long. Nothing was changed.")
	}
	records, err := plan()
	if err != nil || len(records) == 0 {
		return err
	}
	back := w.table.await(records)
	defer w.table.stopAwaiting()
	acknowledged := make(chan error, 1)
	w.log.Append(records, func(err error) { acknowledged <- err })
	select {
	case err := <-acknowledged:
		if err != nil {
			return failed(err)
		}
	case <-ctx.Done():
		return failed(ctx.Err())
	}
	select {
	case <-back:
		return nil
	case <-ctx.Done():
		return failed(ctx.Err())
	}
}

// failed converts the reason why a change did not come back into an error for administrators.
func failed(err error) error {
	if errors.Is(err, ErrNotAppended) {
		return proxy.Wrap(err, proxy.KindKafkaUnavailable, "Kafka does not take the change of limits. Nothing was changed.")
	}
	return proxy.Wrap(err, proxy.KindTimeout, "Kafka takes too long. The limits may change yet, or not.")
}

// readBack holds the records that are to be read back from the topic, by their keys.
type readBack struct {
	left map[string][]byte
	done chan struct{}
}

func (b *readBack) read(key, value []byte) {
	if b == nil {
		return
	}
	want, ok := b.left[string(key)]
	if ok && bytes.Equal(want, value) && (want == nil) == (value == nil) {
		delete(b.left, string(key))
	}
}

// await returns a channel that is closed when the records have been read and are in force.
func (t *Table) await(records []Record) <-chan struct{} {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.awaited = &readBack{make(map[string][]byte), make(chan struct{})}
	for _, r := range records {
		t.awaited.left[string(r.Key)] = r.Value
	}
	return t.awaited.done
}

func (t *Table) stopAwaiting() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.awaited = nil
}

// endAwaited needs t.mu.
func (t *Table) endAwaited() {
	if t.awaited != nil && t.replay == nil && len(t.awaited.left) == 0 {
		close(t.awaited.done)
		t.awaited = nil
	}
}

func (t *Table) checkAbsent(i identity) error {
	t.mu.RLock()
	defer t.mu.RUnlock()
	_, exists := t.dynamic[i]
	switch {
	case !t.caughtUp:
		return errNotRead()
	case exists:
		return proxy.Errorf(proxy.KindAlreadyExists, "The %s %q has dynamic limits already: replace them with PUT.", i.kind, i.id)
	case len(t.dynamic) >= MaxEntries:
		return proxy.Errorf(proxy.KindLimitReached, "There are %d dynamic entries already.", MaxEntries)
	default:
		return nil
	}
}

func (t *Table) checkPresent(i identity) error {
	t.mu.RLock()
	defer t.mu.RUnlock()
	_, exists := t.dynamic[i]
	switch {
	case !t.caughtUp:
		return errNotRead()
	case !exists:
		return proxy.Errorf(proxy.KindNotFound, "The %s %q has no dynamic limits.", i.kind, i.id)
	default:
		return nil
	}
}

// removals returns the records that remove all entries.
func (t *Table) removals() ([]Record, error) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	if !t.caughtUp {
		return nil, errNotRead()
	}
	records := make([]Record, 0, len(t.dynamic))
	for i := range t.dynamic {
		records = append(records, Record{Key: i.key()})
	}
	return records, nil
}
