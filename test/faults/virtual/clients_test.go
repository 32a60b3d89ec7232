//go:build synctests

package virtual

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/test/faults/workload"
)

func (w *world) client(name string, r *rand.Rand) workload.Client {
	return workload.Client{
		Recorder: w.recorder, ClientID: name, Topic: topic,
		Dial: func() (workload.Wire, error) { return w.dial(r) },
	}
}

// startClients starts the clients that run during the faults.
func (w *world) startClients() {
	for i := range w.plan.producers {
		p := w.producer(i)
		w.producers = append(w.producers, p)
		w.faulty.Go(func() { p.Run(w.ctx) })
	}
	if *inTransactions {
		w.survivor = w.steady("survivor", 500)
		w.survivor.Transactional = true
		w.healthy.Go(func() { w.survivor.Run(w.surviving) })
	}
	for _, group := range w.plan.groups() {
		for i := range w.plan.members(group) {
			c := w.consumer(i, group)
			w.faulty.Go(func() { c.Run(w.ctx) })
		}
	}
	w.startTails()
	w.startWorkers()
}

// producer creates a producer of one of three kinds: the second reads its answers slowly, and the third
// sends more than the proxy accepts.
func (w *world) producer(i int) *workload.Producer {
	r := w.plan.random(uint64(100 + i))
	p := &workload.Producer{
		Client: w.client(fmt.Sprintf("p%d", i), r), Rand: r, Partitions: w.plan.partitions,
		Burst: 1 + r.IntN(15), Every: between(r, 200*time.Millisecond, 2*time.Second), MaxSize: 2 * maxMessageBytes,
		Life: between(r, time.Second, w.plan.length), Ending: workload.AnyEnding,
	}
	if w.plan.isTransactional(i) {
		p.Transactional, p.MaxSize = true, maxMessageBytes/4 // messages that are too large are refused beforehand, and are not part of a batch
	}
	switch r.IntN(3) {
	case 0:
		p.Slow = between(r, time.Millisecond, 200*time.Millisecond)
	case 1:
		p.Burst, p.Every = 3*window, 2*time.Second
		if w.plan.delivery > 10*time.Second {
			p.Every = 5 * time.Second
		}
	}
	return p
}

// steady creates a producer that sends a little, and stays.
func (w *world) steady(clientID string, stream uint64) *workload.Producer {
	r := w.plan.random(stream)
	return &workload.Producer{
		Client: w.client(clientID, r), Rand: r, Partitions: w.plan.partitions, Burst: 3, Every: time.Second, MaxSize: 100,
		Life: time.Hour, Ending: func(*rand.Rand) workload.Ending { return workload.CloseHandshake },
	}
}

// consumer creates a consumer of one of five kinds.
func (w *world) consumer(i int, group consumerGroup) *workload.Consumer {
	r := w.plan.random(uint64(200 + i + len(group.name)))
	c := &workload.Consumer{
		Client: w.client(fmt.Sprintf("%s%d", group.name, i), r), Rand: r, Group: group.name, Committed: *inTransactions,
		Manual: group.manual, Latest: group.latest,
		Life: between(r, time.Second, w.plan.length), Ending: workload.AnyEnding,
	}
	switch r.IntN(6) {
	case 0:
		c.Slow = between(r, time.Millisecond, 100*time.Millisecond)
	case 1:
		c.NoReading = true
	case 2:
		c.Pongs.Never = true
	case 3:
		c.Pongs.After = between(r, 100*time.Millisecond, 6*time.Second)
	}
	return c
}

// outage silences the brokers towards all replicas, and observes how much is accepted from producers
// meanwhile.
func (w *world) outage(d time.Duration) {
	number := w.meddle()
	var silenced []*replicaApp
	for i := range replicas {
		if r := w.replica(i); r != nil {
			r.silence()
			silenced = append(silenced, r)
		}
	}
	var records []func()
	for _, p := range w.producers {
		records = append(records, p.Watch(window))
	}
	w.faulty.Go(func() {
		if workload.Pause(w.ctx, d) && w.meddle() == number+1 {
			for _, record := range records {
				record()
			}
		}
		for _, r := range silenced {
			r.thaw()
		}
	})
}

const (
	// drainer is the prefix of the clientId of every drainer.
	drainer = "drain-"
	// drainersEach is how many drainers a group has.
	drainersEach = 2
)

// drainers starts healthy consumers that read the remaining records, until ctx ends.
func (w *world) drainers(ctx context.Context, readers *sync.WaitGroup) {
	for i := range drainersEach {
		for _, group := range w.plan.groups() {
			r := w.plan.random(uint64(300 + i))
			c := &workload.Consumer{
				Client: w.client(fmt.Sprintf("%s%s%d", drainer, group.name, i), r), Rand: r, Group: group.name,
				Manual: group.manual, Latest: group.latest, Committed: *inTransactions,
				Life: time.Hour, Ending: func(*rand.Rand) workload.Ending { return workload.CloseHandshake },
			}
			readers.Go(func() { c.Run(ctx) })
		}
	}
}
