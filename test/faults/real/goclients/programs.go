package goclients

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/client"
	"github.com/wsproxy/kafka-websocket-proxy/test/faults/workload"
)

const (
	// again is the pause before a loop begins anew.
	again = 200 * time.Millisecond
	// tooLarge is the size of messages that the topic is to refuse, of which there is one now and then.
	tooLarge = 6000
)

// Programs are users of the client. Each of their methods is a program, which runs until ctx ends.
type Programs struct {
	Ledger *Ledger
	// Connect returns a client of its own for each program.
	Connect func(name string) *client.Client
	Topic   string
	Lock    time.Duration // how long Kafka locks the records of a queue
}

// Produce writes messages. It closes its producer now and then, although messages are unanswered.
func (p *Programs) Produce(ctx context.Context, name string, random *rand.Rand) {
	c := p.Connect(name)
	for life := 0; ctx.Err() == nil; life++ {
		w := c.Producer(client.ProducerOptions{Topic: p.Topic, MaxInFlight: 200})
		for n := 0; n < 300 && workload.Pause(ctx, time.Duration(random.IntN(40))*time.Millisecond); n++ {
			value := fmt.Sprintf("%s %d.%d", name, life, n)
			if random.IntN(100) == 0 {
				value = fmt.Sprintf("%-*s", tooLarge, value)
			}
			p.send(ctx, w, value, random.IntN(50))
		}
		if random.IntN(2) == 0 || ctx.Err() != nil {
			_ = w.Flush(context.WithoutCancel(ctx)) // answers tell
		}
		w.Close()
	}
}

func (p *Programs) send(ctx context.Context, w *client.Producer, value string, key int) {
	p.Ledger.sent(value)
	answered := func(ack client.Ack, err error) { p.Ledger.answered(value, ack, err) }
	if err := w.Enqueue(ctx, client.Message{Key: fmt.Append(nil, key), Value: []byte(value)}, answered); err != nil {
		answered(client.Ack{}, err)
	}
}

// Consume is a member of the group, which commits by hand, and leaves and comes again.
func (p *Programs) Consume(ctx context.Context, name string, random *rand.Rand) {
	c := p.Connect(name)
	o := client.ConsumeOptions{Topic: p.Topic, Group: "members", ManualCommit: true}
	for workload.Pause(ctx, again) {
		n := 100 + random.IntN(500)
		for r, err := range c.Consume(ctx, o) {
			p.Ledger.note("member", err, func() {
				if err == nil {
					p.Ledger.group = append(p.Ledger.group, recordOf(r))
				}
			})
			if err != nil {
				break
			}
			if random.IntN(20) == 0 {
				_ = r.Commit(ctx) // what is not held comes again
			}
			if n--; n == 0 {
				break
			}
		}
	}
}

// Tail reads from the beginning on. It leaves its loop at a cursor now and then, and goes on there.
func (p *Programs) Tail(ctx context.Context, name string, random *rand.Rand) {
	c := p.Connect(name)
	for from := "earliest"; workload.Pause(ctx, again); {
		for e, err := range c.Tail(ctx, client.TailOptions{Topics: []string{p.Topic}, From: from}) {
			p.Ledger.note("tail", err, func() {
				if e.Record != nil || e.Gap != nil {
					p.Ledger.tail = append(p.Ledger.tail, e)
				}
			})
			if err != nil {
				return // it knows no place behind what it was given
			}
			if e.Cursor != "" && random.IntN(5) == 0 {
				from = "cursor:" + e.Cursor
				break
			}
		}
	}
}

// Work is a worker of the queue. It leaves some tasks, and is too late for others.
func (p *Programs) Work(ctx context.Context, name string, random *rand.Rand) {
	c := p.Connect(name)
	for workload.Pause(ctx, again) {
		for task, err := range c.Queue(ctx, client.QueueOptions{Topic: p.Topic, Group: "workers", Window: 20}) {
			if err != nil {
				p.Ledger.note("worker", err, func() {})
				break
			}
			r := recordOf(task.Record)
			p.Ledger.handed(r, task.Count)
			if task.Count < 3 { // else Kafka hands it out for the last time at some time
				switch random.IntN(400) {
				case 0, 1, 2, 3:
					continue
				case 4:
					workload.Pause(ctx, p.Lock+again)
				}
			}
			p.Ledger.accepted(r.Place, task.Count, task.Accept(ctx))
		}
	}
}
