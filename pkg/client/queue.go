package client

import (
	"context"
	"encoding/json"
	"errors"
	"iter"
	"net/url"
	"sync"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// QueueOptions say what a worker of a queue takes. Topic and Group are required.
type QueueOptions struct {
	Topic, Group string
	// Reset says where a group begins that does not exist yet: earliest, which is the default, or latest.
	Reset                  string
	KeyFormat, ValueFormat proxy.Format // that keys and values are to come in; whatever does not fit comes all the same
	Window                 int          // most tasks that the worker holds, 32 by default
	Rate                   int          // most tasks a second, 0 for no limit
}

// Task is a record that this worker alone holds until its lock ends.
type Task struct {
	*Record

	Count int       // how often the record was handed out to workers, this time included
	Until time.Time // when the lock ends, unless it is renewed

	work *work
	mu   sync.Mutex // guards what follows
	kept bool       // whether the end of the loop leaves the task alone: it was settled, or is with somebody else
}

// Queue takes the records of a topic as one of any number of workers. What the loop does not settle is released when it asks for the next
// task, or is left, so that another worker may have it: see Task.Detach. Each record is delivered at least once, and accepted at most once.
//
// The loop ends when it is left, and with an error when ctx ends, or when another connection would be in vain.
func (c *Client) Queue(ctx context.Context, o QueueOptions) iter.Seq2[*Task, error] {
	if o.Window <= 0 {
		o.Window = 32
	}
	query := func() url.Values {
		p := parameters{}
		p.text("clientId", c.options.ClientID)
		p.text("topic", o.Topic)
		p.text("groupId", o.Group)
		p.text("offsetResetStrategy", o.Reset)
		p.reading(o.KeyFormat, o.ValueFormat, false, o.Rate)
		p.number("window", o.Window)
		p.flag("confirm", true)
		return url.Values(p)
	}
	return func(yield func(*Task, error) bool) {
		err := c.keep(ctx, endpoint{name: "queue", query: query, grace: closeGrace, use: func(ctx context.Context, conn *conn) error {
			w := work{waiting: make(map[string][]chan outcome)}
			w.stream = newStream(conn, streamOptions{buffer: o.Window, control: w.control})
			err := w.stream.reason(w.deliver(ctx, yield))
			w.end()
			if errors.Is(err, errLeft) || ctx.Err() != nil {
				w.stream.leave()
			} else {
				w.stream.abandon()
			}
			return err
		}})
		if err != nil && !errors.Is(err, errLeft) {
			yield(nil, err)
		}
	}
}

// Accept tells that the task is done. It returns when Kafka knows.
func (t *Task) Accept(ctx context.Context) error { return t.settle(ctx, proxy.Accept) }

// Release lets another worker have the task.
func (t *Task) Release(ctx context.Context) error { return t.settle(ctx, proxy.Release) }

// Reject tells that nobody is to get the task again. It becomes a dead letter where the group is configured for them.
func (t *Task) Reject(ctx context.Context) error { return t.settle(ctx, proxy.Reject) }

// Renew begins the lock anew, and sets Until.
func (t *Task) Renew(ctx context.Context) error {
	o, err := t.work.ask(ctx, proxy.Renew, t.MessageID())
	if err == nil {
		t.Until = time.UnixMilli(o.until)
	}
	return err
}

// Detach has the task stay with the worker when the loop goes on: somebody else settles it, for instance another goroutine.
func (t *Task) Detach() { t.keep() }

func (t *Task) keep() (was bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	was, t.kept = t.kept, true
	return was
}

func (t *Task) settle(ctx context.Context, verb proxy.Acknowledgement) error {
	t.keep()
	_, err := t.work.ask(ctx, verb, t.MessageID())
	return err
}

// work is one connection of Queue.
type work struct {
	stream *stream

	mu      sync.Mutex // guards what follows
	over    bool
	waiting map[string][]chan outcome // by message id, in the order in which they asked
}

// outcome is what became of an acknowledgement.
type outcome struct {
	until int64
	err   error
}

func (w *work) deliver(ctx context.Context, yield func(*Task, error) bool) error {
	for {
		f, _, err := w.stream.next(ctx, nil)
		if err != nil {
			return err
		}
		if f.record == nil {
			continue
		}
		t := &Task{Record: newRecord(f.record), Count: f.record.Count, Until: time.UnixMilli(f.record.Until), work: w}
		if !yield(t, nil) {
			return errLeft // the end of the connection releases what it holds
		}
		if !t.keep() {
			if err := w.send(proxy.Release, t.MessageID()); err != nil {
				return err
			}
		}
	}
}

// ask gives an acknowledgement, and waits for its outcome.
func (w *work) ask(ctx context.Context, verb proxy.Acknowledgement, id string) (outcome, error) {
	answered := make(chan outcome, 1)
	w.mu.Lock()
	if w.over {
		w.mu.Unlock()
		return outcome{}, ErrNotHeld
	}
	w.waiting[id] = append(w.waiting[id], answered)
	w.mu.Unlock()
	if err := w.send(verb, id); err != nil {
		return outcome{}, ErrNotHeld
	}
	select {
	case o := <-answered:
		return o, o.err
	case <-ctx.Done():
		return outcome{}, context.Cause(ctx)
	}
}

func (w *work) send(verb proxy.Acknowledgement, id string) error {
	message, err := json.Marshal(map[string][]string{verb.String(): {id}})
	if err != nil {
		return err //nolint:wrapcheck // strings can be marshalled
	}
	return w.stream.conn.write(message)
}

// control takes the outcomes of acknowledgements, and locks that have ended: who settles such a task learns so then.
func (w *work) control(message []byte) (taken bool) {
	c, err := parseControl(message)
	switch {
	case err != nil:
		return false
	case c.Error != nil && c.ID != "":
		w.answer(c.ID, outcome{err: c.err()})
	case c.Renewed != nil:
		for _, id := range c.Renewed.IDs {
			w.answer(id, outcome{until: c.Renewed.Until})
		}
	case c.Settled != nil:
		for _, id := range c.Settled {
			w.answer(id, outcome{})
		}
	default:
		return c.Expired != nil
	}
	return true
}

func (w *work) answer(id string, o outcome) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if asked := w.waiting[id]; len(asked) > 0 {
		asked[0] <- o
		if w.waiting[id] = asked[1:]; len(asked) == 1 {
			delete(w.waiting, id)
		}
	}
}

// end tells all who wait that nobody knows.
func (w *work) end() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.over = true
	for id, asked := range w.waiting {
		for _, answered := range asked {
			answered <- outcome{err: ErrNotHeld}
		}
		delete(w.waiting, id)
	}
}
