package client

import (
	"context"
	"encoding/json"
	"slices"
	"sync"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/codec"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// work is one connection of Queue. Its reader is never held up by the loop: it hears the answers for which the loop waits.
type work struct {
	conn   *conn
	stream *stream
	most   int           // tasks that may wait for the loop
	wake   chan struct{} // tells the loop that a task waits

	sending sync.Mutex // held while an acknowledgement joins those that wait for answers, and is sent: answers come in that order

	mu      sync.Mutex // guards what follows
	over    bool
	held    map[string]*Task   // by message id, its last delivery, which is not over
	tasks   []*Task            // those of them that wait for the loop
	waiting map[string][]asked // by message id, in the order in which they were sent
}

// asked is an acknowledgement that waits for its answer.
type asked struct {
	by       *Task
	answered chan outcome // has room for one
}

// outcome is what became of an acknowledgement.
type outcome struct {
	until int64
	err   error
}

// newWork begins to read. The proxy sends no more than a window of tasks that are neither settled nor expired.
func newWork(c *conn, window int) *work {
	w := &work{conn: c, most: 2 * window, wake: make(chan struct{}, 1), held: make(map[string]*Task), waiting: make(map[string][]asked)}
	w.stream = newStream(c, streamOptions{control: w.control, record: w.arrive, ended: w.end})
	return w
}

// arrive takes a delivery. One of the same record that is not over comes before it only if it has an acknowledgement on its way.
func (w *work) arrive(d *codec.Delivered) error {
	t := &Task{Record: newRecord(d), Count: d.Count, Until: time.UnixMilli(d.Until), work: w}
	id := t.MessageID()
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.tasks) >= w.most {
		return errTooManyTasks
	}
	w.lose(id, lockExpired(id))
	w.held[id] = t
	w.tasks = append(w.tasks, t)
	select {
	case w.wake <- struct{}{}:
	default:
	}
	return nil
}

// lose ends the delivery of a record that is held, if there is one. w.mu is held.
func (w *work) lose(id string, why error) {
	t := w.held[id]
	if t == nil {
		return
	}
	t.over = why
	delete(w.held, id)
	if at := slices.Index(w.tasks, t); at >= 0 {
		w.tasks = slices.Delete(w.tasks, at, at+1)
	}
}

func (w *work) deliver(ctx context.Context, yield func(*Task, error) bool) error {
	for {
		t, err := w.next(ctx)
		if err != nil {
			return err
		}
		if !yield(t, nil) {
			return errLeft // the end of the connection releases what it holds
		}
		if !t.keep() {
			if _, err := w.tell(proxy.Release, t); err != nil && !isOver(err) {
				return err
			}
		}
	}
}

// next waits for a task. Those that wait when the connection ends come again: the proxy has released them.
func (w *work) next(ctx context.Context) (*Task, error) {
	for {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		select {
		case <-w.wake:
			if t := w.first(); t != nil {
				return t, nil
			}
		case <-w.stream.frames: // there are none: it is closed when the connection has ended
			return nil, w.stream.err
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

func (w *work) first() *Task {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.tasks) == 0 {
		return nil
	}
	t := w.tasks[0]
	if w.tasks = slices.Delete(w.tasks, 0, 1); len(w.tasks) > 0 {
		select {
		case w.wake <- struct{}{}:
		default:
		}
	}
	return t
}

// ask gives an acknowledgement, and waits for its outcome.
func (w *work) ask(ctx context.Context, verb proxy.Acknowledgement, t *Task) (outcome, error) {
	answered, err := w.tell(verb, t)
	if err != nil {
		return outcome{}, err
	}
	select {
	case o := <-answered:
		return o, o.err
	case <-ctx.Done():
		return outcome{}, context.Cause(ctx)
	}
}

// tell gives an acknowledgement on a delivery that is not over.
func (w *work) tell(verb proxy.Acknowledgement, t *Task) (answered chan outcome, err error) {
	id := t.MessageID()
	message, err := json.Marshal(map[string][]string{verb.String(): {id}})
	if err != nil {
		return nil, err //nolint:wrapcheck // strings can be marshalled
	}
	w.sending.Lock()
	defer w.sending.Unlock()
	if answered, err = w.await(id, t); err != nil {
		return nil, err
	}
	if err := w.conn.write(message); err != nil {
		return nil, ErrNotHeld
	}
	return answered, nil
}

func (w *work) await(id string, t *Task) (chan outcome, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case w.over:
		return nil, ErrNotHeld
	case t.over != nil:
		return nil, t.over
	}
	answered := make(chan outcome, 1)
	w.waiting[id] = append(w.waiting[id], asked{t, answered})
	return answered, nil
}

// end tells all who wait that nobody knows. The reader calls it, since the loop may be among them.
func (w *work) end() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.over = true
	for id, all := range w.waiting {
		for _, a := range all {
			a.answered <- outcome{err: ErrNotHeld}
		}
		delete(w.waiting, id)
	}
}
