package workload

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/test/faults/history"
	"github.com/wsproxy/kafka-websocket-proxy/test/faults/wsclient"
)

// mostTogether is how many records a worker acknowledges with one message.
const mostTogether = 8

// working is one connection of a worker.
type working struct {
	*session
	worker *Worker
	more   chan struct{} // tells the sender that there is something to do

	// The sender's.
	messages int
	random   *rand.Rand

	mu     sync.Mutex // guards what follows
	choice *rand.Rand
	known  map[string]spot // the records that were delivered, by their ids
	due    []dueStep
	verbs  map[string]string // the last that was sent
}

// spot is where a record is.
type spot struct {
	partition int32
	offset    int64
}

// dueStep is the next step with a record, and those behind it.
type dueStep struct {
	at   time.Time
	id   string
	verb string
	then []step
}

func newWorking(s *session, w *Worker, r *rand.Rand) *working {
	return &working{
		session: s, worker: w, more: make(chan struct{}, 1), random: r, choice: rand.New(rand.NewPCG(r.Uint64(), 0)),
		known: make(map[string]spot), verbs: make(map[string]string),
	}
}

// work sends acknowledgements when they are due, while the connection lives.
func (c *working) work(life time.Duration) {
	ctx, cancel := context.WithTimeout(c.life, life)
	defer cancel()
	stop := context.AfterFunc(ctx, func() { _ = c.wire.SetWriteDeadline(time.Unix(1, 0)) })
	defer func() {
		stop()
		_ = c.wire.SetWriteDeadline(time.Time{})
	}()
	for ctx.Err() == nil {
		verb, ids, wait := c.next(time.Now())
		if len(ids) > 0 {
			if c.acknowledge(verb, ids) != nil {
				return
			}
			continue
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-c.more:
		case <-ctx.Done():
		}
		timer.Stop()
	}
}

// next takes the steps that are due with one verb, or returns how long there are none.
func (c *working) next(now time.Time) (verb string, ids []string, wait time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	wait = time.Hour
	most := 1 + c.random.IntN(mostTogether)
	var later []dueStep
	for _, d := range c.due {
		ripe := !now.Before(d.at)
		if !ripe || verb != "" && d.verb != verb || len(ids) == most {
			later = append(later, d)
			if left := d.at.Sub(now); left < wait {
				wait = max(0, left)
			}
			continue
		}
		verb = d.verb
		ids = append(ids, d.id)
		if len(d.then) > 0 {
			later = append(later, dueStep{now.Add(d.then[0].after), d.id, d.then[0].verb, d.then[1:]})
		}
	}
	c.due = later
	return verb, ids, wait
}

// acknowledge sends one message.
func (c *working) acknowledge(verb string, ids []string) error {
	payload, err := json.Marshal(map[string][]string{verb: ids})
	if err != nil {
		return fmt.Errorf("encoding an acknowledgement: %w", err)
	}
	c.messages++
	c.mu.Lock()
	spots := make([]spot, len(ids))
	for i, id := range ids {
		spots[i], c.verbs[id] = c.known[id], verb
	}
	c.mu.Unlock()
	for _, at := range spots {
		c.note(history.Event{Kind: history.QueueAck, ID: fmt.Sprint(c.messages), Code: verb}, at)
	}
	if c.random.IntN(10) == 0 {
		return c.ws.SendFragments(payload, 1+c.random.IntN(3))
	}
	return c.ws.Send(wsclient.Text, payload)
}

func (c *working) note(e history.Event, at spot) {
	e.Conn, e.Partition, e.Offset = c.conn, at.partition, at.offset
	c.recorder.Add(e)
}

// take takes a frame.
func (c *working) take(text []byte) {
	var f queueFrame
	if err := json.Unmarshal(text, &f); err != nil {
		c.note(history.Event{Kind: history.QueueRecord, Content: string(text)}, spot{partition: -1})
		return
	}
	switch {
	case f.Delivery != nil:
		c.delivered(&f)
	case f.Settled != nil:
		c.told(history.QueueSettled, f.Settled)
		c.note(history.Event{Kind: history.QueueAnswered, Code: "settled"}, spot{})
	case f.Renewed != nil:
		c.told(history.QueueRenewed, f.Renewed.IDs)
		c.note(history.Event{Kind: history.QueueAnswered, Code: "renewed"}, spot{})
	case f.Expired != nil:
		c.told(history.QueueExpired, f.Expired)
		c.expired(f.Expired)
	case f.Error != nil && f.ID != "":
		c.failed(f.ID, f.Error.Code)
	case f.Error != nil: // it tells why the connection ends, or nothing comes
	default:
		c.note(history.Event{Kind: history.QueueRecord, Content: string(text)}, spot{partition: -1})
	}
}

// delivered takes a record, and decides what becomes of it.
func (c *working) delivered(f *queueFrame) {
	at := spot{f.Partition, f.Offset}
	c.note(history.Event{Kind: history.QueueRecord, Content: f.content(), Count: f.Delivery.Count, Until: f.Delivery.Until}, at)
	c.mu.Lock()
	c.known[f.ID] = at
	c.forget([]string{f.ID})
	if steps := c.worker.steps(c.choice, f.Delivery.Count); len(steps) > 0 {
		c.plan(f.ID, steps)
	}
	c.mu.Unlock()
	c.notify()
}

// plan notes the steps with a record. c.mu is held.
func (c *working) plan(id string, steps []step) {
	c.due = append(c.due, dueStep{time.Now().Add(steps[0].after), id, steps[0].verb, steps[1:]})
}

// forget removes what was planned for records. c.mu is held.
func (c *working) forget(ids []string) {
	c.due = slices.DeleteFunc(c.due, func(d dueStep) bool { return slices.Contains(ids, d.id) })
}

func (c *working) notify() {
	select {
	case c.more <- struct{}{}:
	default:
	}
}

// told records what became of records.
func (c *working) told(kind history.Kind, ids []string) {
	for _, id := range ids {
		c.note(history.Event{Kind: kind}, c.spotOf(id))
	}
}

// spotOf returns where a record is, nowhere if it was never delivered here.
func (c *working) spotOf(id string) spot {
	c.mu.Lock()
	defer c.mu.Unlock()
	if at, ok := c.known[id]; ok {
		return at
	}
	return spot{partition: -1}
}

// lateIn is in how many losses a worker acknowledges nevertheless, as if it had not read of the loss yet.
const lateIn = 4

// expired ends the work at records.
func (c *working) expired(ids []string) {
	c.mu.Lock()
	c.forget(ids)
	if !c.worker.isCalm() && !c.worker.Keeps && c.choice.IntN(lateIn) == 0 {
		c.plan(ids[0], []step{{verb: "accept"}})
	}
	c.mu.Unlock()
	c.notify()
}

// againAfter bounds the pause before an acknowledgement is sent again.
const againAfter = time.Second

// failed takes the error of a record.
func (c *working) failed(id, code string) {
	c.note(history.Event{Kind: history.QueueFailed, Code: code}, c.spotOf(id))
	if code != "COMMIT_FAILED" {
		return
	}
	c.mu.Lock()
	c.forget([]string{id})
	c.plan(id, []step{{c.verbs[id], upTo(c.choice, againAfter)}})
	c.mu.Unlock()
	c.notify()
}
