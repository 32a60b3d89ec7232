//go:build unix

package real

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/test/faults/checker"
	"github.com/wsproxy/kafka-websocket-proxy/test/faults/history"
	"github.com/wsproxy/kafka-websocket-proxy/test/faults/workload"
	"github.com/wsproxy/kafka-websocket-proxy/test/kafka"
)

const (
	// healLimit is what all have, once a fault is over, for being served and for having
	// read and committed what was there by then.
	healLimit = 2 * time.Minute
	replicas  = 2
	producers = 3
	consumers = 3
	manual    = 2
	late      = 2
)

// rig is everything in a run.
type rig struct {
	t        testing.TB
	random   *rand.Rand // of the fault that strikes
	faults   []fault
	broker   *kafka.Broker // nil where there are several
	several  *several      // nil where there is one
	access   *access       // nil where everybody may connect
	fleet    *fleet
	further  []int // places of replicas that come and go
	wires    wires
	recorder *history.Recorder
	kafka    *observer
	marks    marks

	ctx       context.Context // ends with the time of faults
	stop      context.CancelFunc
	faulty    sync.WaitGroup // the clients that end with it
	producers []*workload.Producer
	reading   context.Context // ends with the tails
	stopTails context.CancelFunc
	tailing   sync.WaitGroup
	commands  *commands     // nil where access is
	tails     []string      // their names
	served    time.Duration // how long the producers waited for answers after the last fault
	stuck     []checker.Violation
	run       string // what there is to say of it, in the end
}

func newRig(t testing.TB) *rig {
	t.Helper()
	r := &rig{t: t, faults: faults(), recorder: &history.Recorder{}, broker: kafka.RequireOwn(t, kafka.Options{})}
	r.kafka = newObserver(t, r.broker.Addr(), r.recorder)
	r.fleet = newFleet(t, r.broker.Addr(), replicas, hasty()...)
	r.begin()
	return r
}

// begin makes the contexts of the clients, and sees to their end.
func (r *rig) begin() {
	r.ctx, r.stop = context.WithCancel(r.t.Context())
	r.reading, r.stopTails = context.WithCancel(r.t.Context())
	r.t.Cleanup(func() {
		r.stop()
		r.faulty.Wait()
		r.stopTails()
		r.tailing.Wait()
	})
}

func random(stream uint64) *rand.Rand { return rand.New(rand.NewPCG(*seed, stream)) }

func (r *rig) client(name string, random *rand.Rand) workload.Client {
	return workload.Client{
		Recorder: r.recorder, ClientID: name, Topic: topic,
		Dial: func() (workload.Wire, error) { return r.dial(random) },
	}
}

// startClients starts what lives through the time of faults.
func (r *rig) startClients() {
	for i := range producers {
		p := r.producer(fmt.Sprintf("p%d", i), random(uint64(100+i)))
		p.Burst, p.Every, p.Life = 12, 100*time.Millisecond, time.Duration(15+10*i)*time.Second
		if r.several != nil && i == producers-1 {
			p.Transactional, p.MaxSize = true, 3000 // what is too large for the topic is no part of a transaction
		}
		r.producers = append(r.producers, p)
		r.faulty.Go(func() { p.Run(r.ctx) })
	}
	for i := range consumers + manual + late {
		group := autoGroup
		switch {
		case i >= consumers+manual:
			group = lateGroup
		case i >= consumers:
			group = manualGroup
		}
		c := r.consumer(fmt.Sprintf("%s%d", group, i), group, random(uint64(200+i)))
		c.Life = time.Duration(20+10*i) * time.Second
		if i%2 == 0 {
			c.Slow = 2 * time.Millisecond
		}
		r.faulty.Go(func() { c.Run(r.ctx) })
	}
	r.startTails()
	if r.several != nil {
		r.startWorkers()
		r.startCommands()
	}
}

func orderly(*rand.Rand) workload.Ending { return workload.CloseHandshake }

func (r *rig) producer(name string, random *rand.Rand) *workload.Producer {
	return &workload.Producer{
		Client: r.client(name, random), Sessions: r.access != nil, Rand: random, Partitions: partitions, Burst: 3, Every: time.Second, MinSize: minValue, MaxSize: 6000,
		Life: time.Hour, Ending: orderly,
	}
}

func (r *rig) consumer(name, group string, random *rand.Rand) *workload.Consumer {
	return &workload.Consumer{
		Client: r.client(name, random), Rand: random, Group: group, Manual: group == manualGroup, Latest: group == lateGroup, Committed: r.several != nil,
		Life: time.Hour, Ending: orderly,
	}
}

// unserved records that somebody healthy has waited in vain.
func (r *rig) unserved(rule checker.Rule, format string, args ...any) {
	v := checker.Violation{Rule: rule, At: time.Now(), Text: fmt.Sprintf(format, args...)}
	r.stuck = append(r.stuck, v)
	r.t.Error(v)
}

// healed waits, after a fault, until every producer has had an answer, and all groups have
// committed all that was in the log when the fault was over.
func (r *rig) healed(after string) bool {
	began := time.Now()
	ends, err := r.ends(topic)
	if err != nil {
		r.unserved(checker.Unserved, "Kafka does not serve %v after %s: %v", healLimit, after, err)
		return false
	}
	for i, acked := range r.acked() {
		if !workload.Within(healLimit-time.Since(began), func() bool { return r.producers[i].Acked() > acked }) {
			r.unserved(checker.Unserved, "producer p%d has had no answer for %v after %s", i, time.Since(began), after)
		}
	}
	r.served = time.Since(began)
	if ends, err = r.wanted(ends); err != nil {
		r.unserved(checker.Unserved, "readers of committed records do not come to the end %v after %s: %v", time.Since(began), after, err)
		return false
	}
	if !workload.Within(healLimit-time.Since(began), func() bool { return r.kafka.reached(ends) }) {
		r.unserved(checker.Unserved, "consumers have not committed all for %v after %s: %s", time.Since(began), after, r.kafka.lag(ends))
	}
	return len(r.stuck) == 0
}

// wanted is where groups are that have read all below these ends.
func (r *rig) wanted(ends map[int32]int64) (map[int32]int64, error) {
	if r.several == nil {
		return ends, nil
	}
	return r.kafka.lastCommitted(ends)
}

// ends asks Kafka for the end of a topic's log until it answers.
func (r *rig) ends(topic string) (ends map[int32]int64, err error) {
	workload.Within(healLimit, func() bool {
		ends, err = r.kafka.endsOf(topic)
		return err == nil
	})
	return ends, err
}

func (r *rig) acked() []int64 {
	acked := make([]int64, len(r.producers))
	for i, p := range r.producers {
		acked[i] = p.Acked()
	}
	return acked
}

// settle ends the clients, and lets fresh ones do what is left. Then it ends the proxies, and
// where they had something left to write it does so again.
func (r *rig) settle() {
	r.stop()
	r.faulty.Wait()
	ends := r.drain()
	prices, err := r.ends(besideTopic)
	must(r.t, err)
	r.awaitTails()
	if r.several != nil {
		r.awaitWorkers()
		r.commands.settle()
	}
	for i := range replicas {
		must(r.t, r.fleet.shutdown(i))
	}
	last, err := r.ends(topic)
	must(r.t, err)
	lastPrices, err := r.ends(besideTopic)
	must(r.t, err)
	if maps.Equal(ends, last) && maps.Equal(prices, lastPrices) {
		return
	}
	must(r.t, r.fleet.start(0))
	r.drain() // which writes
	r.awaitTails()
	if r.several != nil {
		r.awaitWorkers()
	}
}

// drain lets a fresh producer have an answer, and fresh consumers read and commit all there
// is.
func (r *rig) drain() (ends map[int32]int64) {
	ctx, cancel := context.WithCancel(r.t.Context())
	var fresh sync.WaitGroup
	defer fresh.Wait()
	defer cancel()
	probing, enough := context.WithCancel(ctx)
	probe := r.producer(fmt.Sprintf("probe-%d", time.Now().UnixNano()), random(300))
	var probes sync.WaitGroup
	probes.Go(func() { probe.Run(probing) })
	if !workload.Within(healLimit, func() bool { return probe.Acked() > 0 }) {
		r.unserved(checker.Unserved, "a healthy producer had no answer for %v in the end", healLimit)
	}
	enough()
	probes.Wait()
	for i := range 2 {
		for _, group := range []string{autoGroup, manualGroup, lateGroup} {
			c := r.consumer(fmt.Sprintf("drain-%s%d", group, i), group, random(uint64(400+i)))
			fresh.Go(func() { c.Run(ctx) })
		}
	}
	drained := func() bool {
		now, err := r.kafka.ends()
		if err != nil {
			return false
		}
		ends = now
		all, err := r.wanted(ends)
		return err == nil && r.kafka.reached(all)
	}
	if !workload.Within(healLimit, drained) {
		r.unserved(checker.Uncommitted, "fresh consumers had %v: %s", healLimit, r.kafka.lag(ends))
	}
	return ends
}
