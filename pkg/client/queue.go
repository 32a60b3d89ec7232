package client

import (
	"context"
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
	Window                 int          // most tasks that the worker holds, 1 to 1,000, 32 by default
	Rate                   int          // most tasks a second, 0 for no limit
}

// Task is one delivery of a record, which this worker alone holds until its lock ends. Once that is over, whatever is asked of the Task is
// refused with the code LOCK_EXPIRED, or UNKNOWN_MESSAGE_ID where it was settled before, and not sent: ids do not tell deliveries apart, and it
// would settle the next delivery to this worker. What was on its way already may do so: then that delivery is over, too.
type Task struct {
	*Record

	Count int       // how often the record was handed out to workers, this time included
	Until time.Time // when the lock ends, unless it is renewed

	work *work
	mu   sync.Mutex // guards what follows
	kept bool       // whether the end of the loop leaves the task alone: it was settled, or is with somebody else

	over    error // why it is not held anymore, nil while it is; guarded by work.mu, as is
	expired bool  // whether the proxy has told that its lock has ended
}

// Queue takes the records of a topic as one of any number of workers. What the loop does not settle is released when it asks for the next
// task, or is left, so that another worker may have it: see Task.Detach. Each record is delivered at least once, and accepted at most once.
// Tasks whose locks end before the loop is through with those before them are left out: they come again, here or at another worker.
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
			w := newWork(conn, o.Window)
			err := w.stream.reason(w.deliver(ctx, yield))
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

// Accept tells that the task is done. It returns when Kafka knows. So do Release and Reject, whose errors are the same: after COMMIT_FAILED the task
// is held still, and another try may succeed; after LOCK_EXPIRED and UNKNOWN_MESSAGE_ID it is not held, and this has settled nothing. After ErrNotHeld,
// or the end of ctx, nobody knows whether it was.
func (t *Task) Accept(ctx context.Context) error { return t.settle(ctx, proxy.Accept) }

// Release lets another worker have the task.
func (t *Task) Release(ctx context.Context) error { return t.settle(ctx, proxy.Release) }

// Reject tells that nobody is to get the task again. It becomes a dead letter where the group is configured for them.
func (t *Task) Reject(ctx context.Context) error { return t.settle(ctx, proxy.Reject) }

// Renew begins the lock anew, and sets Until, which nobody is to read meanwhile. Its errors are those of Accept.
func (t *Task) Renew(ctx context.Context) error {
	o, err := t.work.ask(ctx, proxy.Renew, t)
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
	_, err := t.work.ask(ctx, verb, t)
	return err
}
