package client

import (
	"context"
	"encoding/json"
	"errors"
	"iter"
	"net/url"
	"sync"
	"time"

	"github.com/coder/websocket"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/codec"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// ConsumeOptions say what a member of a consumer group reads. Only Topic is required.
type ConsumeOptions struct {
	Topic string
	Group string // by default the ClientID with "-group"
	// Reset says where a group begins that has no position yet: earliest, which is the default, latest, or none, which is an error then.
	Reset                  string
	KeyFormat, ValueFormat proxy.Format // that keys and values are to come in; whatever does not fit comes all the same
	ReadCommitted          bool         // whether records of transactions that are not committed are left out
	Rate                   int          // most records a second, 0 for no limit
	Buffer                 int          // most records that are sent ahead of the loop, 256 by default

	// ManualCommit leaves commits to Record.Commit. Else the group's position is moved behind a record when the loop asks for the next one,
	// each CommitEvery (1 s by default) and at the end.
	ManualCommit bool
	CommitEvery  time.Duration
	// BeforeCommit is called before commits that are not manual, for instance to flush what the loop has written. If it fails, nothing is
	// committed, and its error ends the loop.
	BeforeCommit func() error
}

// Consume reads a topic as a member of a consumer group. The loop gets the records of a partition in their order, each at least once: those that were
// not committed come again after a connection has ended, or from another member after a rebalance, and on the same connection where Kafka was away or
// a partition went to and fro. A slow loop slows the proxy down.
//
// The loop ends when it is left, which commits and leaves the group. It ends with an error when ctx ends, or when another connection would be in
// vain.
func (c *Client) Consume(ctx context.Context, o ConsumeOptions) iter.Seq2[*Record, error] {
	if o.CommitEvery <= 0 {
		o.CommitEvery = time.Second
	}
	o.Buffer = orDefault(o.Buffer, defaultBuffer)
	query := func() url.Values {
		p := parameters{}
		p.text("clientId", c.options.ClientID)
		p.payload(&c.options)
		p.text("topic", o.Topic)
		p.text("groupId", o.Group)
		p.text("offsetResetStrategy", o.Reset)
		p.text("autoCommit", "false") // the proxy's own commits tell that a record was received, not that it was dealt with
		p.reading(o.KeyFormat, o.ValueFormat, o.ReadCommitted, o.Rate)
		p.number("credit", o.Buffer)
		return url.Values(p)
	}
	return func(yield func(*Record, error) bool) {
		err := c.keep(ctx, endpoint{name: "out", query: query, grace: closeGrace, use: func(ctx context.Context, conn *conn) error {
			m := consumption{options: &o, avro: c.options.Avro, done: make(map[int32]*Record), unsent: make(map[int32]string)}
			m.stream = newStream(conn, streamOptions{o.Buffer, true, o.KeyFormat, o.ValueFormat, m.control, nil, nil})
			return m.run(ctx, yield)
		}})
		if err != nil && !errors.Is(err, errLeft) {
			yield(nil, err)
		}
	}
}

// closeGrace is how long a connection may take to end after its context has.
const closeGrace = 5 * time.Second

// consumption is one connection of Consume.
type consumption struct {
	options *ConsumeOptions
	avro    bool // whether commits are Avro
	stream  *stream
	done    map[int32]*Record // by partition, the last one whose loop has ended; of the loop

	mu     sync.Mutex       // guards what follows
	over   bool             // whether the connection has ended
	unsent map[int32]string // by partition, a commit that Kafka has refused for now
}

func (m *consumption) run(ctx context.Context, yield func(*Record, error) bool) error {
	ticker := time.NewTicker(m.options.CommitEvery)
	defer ticker.Stop()
	err := m.stream.reason(m.deliver(ctx, yield, ticker.C))
	if isLeaving(ctx, err) {
		if failed, ok := errors.AsType[*hookError](m.commitDone()); ok && !errors.Is(err, errLeft) {
			err = failed
		}
		m.end()
		m.stream.leave()
		return err
	}
	m.end()
	m.stream.abandon()
	return err
}

// isLeaving tells whether the loop ends, and not only the connection.
func isLeaving(ctx context.Context, err error) bool {
	return errors.Is(err, errLeft) || ctx.Err() != nil
}

// hookError is an error of BeforeCommit, which ends all.
type hookError struct{ error }

func (e *hookError) Unwrap() error { return e.error }

// end has further commits refused.
func (m *consumption) end() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.over = true
}

func (m *consumption) deliver(ctx context.Context, yield func(*Record, error) bool, due <-chan time.Time) error {
	for {
		select {
		case <-due: // before records that may never cease to come
			if err := m.commitDone(); err != nil {
				return err
			}
		default:
		}
		f, interrupted, err := m.stream.next(ctx, due)
		switch {
		case err != nil:
			return err
		case interrupted:
			if err := m.commitDone(); err != nil {
				return err
			}
			continue
		case f.record == nil:
			continue
		}
		record := newRecord(f.record)
		record.from = m
		if !yield(record, nil) {
			return errLeft
		}
		if !m.options.ManualCommit {
			m.done[record.Partition] = record
		}
		if err := m.stream.taken(); err != nil {
			return err
		}
	}
}

// commitDone commits the records whose loops have ended, and sends again what Kafka has refused.
func (m *consumption) commitDone() error {
	if len(m.done) > 0 && m.options.BeforeCommit != nil {
		if err := m.options.BeforeCommit(); err != nil {
			return &hookError{err}
		}
	}
	m.mu.Lock()
	again := m.unsent
	m.unsent = make(map[int32]string)
	m.mu.Unlock()
	for _, record := range m.done {
		delete(again, record.Partition)
		if err := m.send(record.MessageID()); err != nil {
			return err
		}
	}
	clear(m.done)
	for _, id := range again {
		if err := m.send(id); err != nil {
			return err
		}
	}
	return nil
}

func (m *consumption) commit(ctx context.Context, r *Record) error {
	m.mu.Lock()
	over := m.over
	delete(m.unsent, r.Partition)
	m.mu.Unlock()
	if over {
		return ErrNotHeld
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err := m.send(r.MessageID()); err != nil {
		return ErrNotHeld
	}
	return nil
}

func (m *consumption) send(id string) error {
	if m.avro {
		return m.stream.conn.writeAs(websocket.MessageBinary, codec.AppendAvroCommit(nil, id))
	}
	message, err := json.Marshal(map[string]string{"wsProxyMessageId": id})
	if err != nil {
		return err //nolint:wrapcheck // a string can be marshalled
	}
	return m.stream.conn.write(message)
}

// control takes error frames about commits. Those of records that this member does not hold anymore need nothing: they are
// delivered again.
func (m *consumption) control(message []byte) (taken bool) {
	c, err := parseControl(message)
	if err != nil || c.Error == nil || c.ID == "" {
		return false
	}
	position, err := proxy.ParsePosition(c.ID)
	if err == nil && c.Error.Code == proxy.KindCommitFailed.String() {
		m.mu.Lock()
		m.unsent[position.Partition] = c.ID
		m.mu.Unlock()
	}
	return true
}
