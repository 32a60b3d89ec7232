//go:build synctests

package virtual

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
)

const (
	replicas   = 2
	partitions = 4
	topic      = "readings"
	window     = 64 // WSPROXY_PRODUCER_MAX_IN_FLIGHT
)

// plan is the schedule of a seed.
type plan struct {
	seed      uint64
	length    time.Duration // of the time with faults
	buffer    int           // of every connection, in each direction
	latency   time.Duration // of every request to a broker
	delivery  time.Duration // WSPROXY_KAFKA_PRODUCER_DELIVERY_TIMEOUT
	write     time.Duration // WSPROXY_WRITE_TIMEOUT
	producers int
	consumers int
	manual    int // consumers that commit themselves, in a separate group
	late      int // consumers in each of the groups that begin at the end
	tails     int
	beside    bool // there is a second topic, which is compacted
	queue     queuePlan
	// partitions is how many the topic has at first.
	partitions int32
	family     family
	actions    []action
}

// action is a fault that begins at a given time.
type action struct {
	at   time.Duration
	name string
	do   func(*world)
	// anew means that producers restart, and so forget what they have in flight.
	anew bool
	// unsure means that producers do not know whether a batch was written.
	unsure bool
}

// unsure reports whether any action is unsure.
func (p *plan) unsure() bool {
	return slices.ContainsFunc(p.actions, func(a action) bool { return a.unsure })
}

// anew reports whether any action makes producers restart.
func (p *plan) anew() bool {
	return slices.ContainsFunc(p.actions, func(a action) bool { return a.anew })
}

// isTransactional reports whether a producer writes in transactions. If any producer does, the first one
// does.
func (p *plan) isTransactional(producer int) bool {
	return *inTransactions && (producer == 0 || p.random(uint64(600+producer)).IntN(3) > 0)
}

// somePlain reports whether any producer writes without transactions.
func (p *plan) somePlain() bool {
	for i := range p.producers {
		if !p.isTransactional(i) {
			return true
		}
	}
	return p.beside
}

func (p *plan) String() string {
	var b strings.Builder
	if p.family.name != "" {
		fmt.Fprintf(&b, "family %s, ", p.family.name)
	}
	fmt.Fprintf(&b, "%s, buffers of %d bytes, brokers %s away, delivery timeout %s, write timeout %s, %d producers, %d consumers, %d that commit themselves, %d tails",
		p.length, p.buffer, p.latency, p.delivery, p.write, p.producers, p.consumers, p.manual, p.tails)
	p.writeTails(&b)
	p.writeQueues(&b)
	for _, a := range p.actions {
		fmt.Fprintf(&b, "\n%12s %s", a.at, a.name)
	}
	return b.String()
}

func (p *plan) random(stream uint64) *rand.Rand { return rand.New(rand.NewPCG(p.seed, stream)) }

func newPlan(seed uint64) *plan {
	p := &plan{seed: seed, family: familyOf(seed), partitions: partitions}
	p.addQueues()
	r := p.random(0)
	p.length = between(r, 15*time.Second, time.Minute)
	p.buffer = []int{16 << 10, 256 << 10, 4 << 20}[r.IntN(3)]
	p.latency = between(r, 200*time.Microsecond, 5*time.Millisecond)
	if p.queue.isSlow {
		p.latency = between(r, 30*time.Millisecond, 300*time.Millisecond)
	}
	p.delivery = []time.Duration{2 * time.Second, 5 * time.Second, 30 * time.Second}[r.IntN(3)]
	p.write = []time.Duration{5 * time.Second, 2 * time.Minute}[r.IntN(2)]
	p.producers = 1 + r.IntN(3)
	p.consumers = 1 + r.IntN(4)
	p.manual = r.IntN(3)
	for range 3 + r.IntN(16) {
		a := anyAction(r, p)
		a.at = time.Duration(r.Int64N(int64(p.length)))
		p.actions = append(p.actions, a)
	}
	if *inTransactions {
		for range 1 + r.IntN(3) {
			p.actions = append(p.actions, lostCommitAction(r, p.length))
		}
	}
	if p.family.name != "" {
		p.addFamily()
		p.addTails()
	}
	slices.SortFunc(p.actions, func(a, b action) int { return int(a.at - b.at) })
	return p
}

func between(r *rand.Rand, least, most time.Duration) time.Duration {
	return least + time.Duration(r.Int64N(int64(most-least)))
}

func anyAction(r *rand.Rand, p *plan) action {
	replica := r.IntN(replicas)
	switch n := r.IntN(20); {
	case n < 8:
		return faultAction(r, p)
	case n < 10:
		share := []int{1, 2, 5}[r.IntN(3)]
		return action{name: fmt.Sprintf("one in %d connections of replica %d to brokers is cut", share, replica), do: func(w *world) {
			w.cutBrokers(replica, share)
		}}
	case n < 12:
		d := between(r, 50*time.Millisecond, 8*time.Second)
		return action{name: fmt.Sprintf("the brokers are silent towards replica %d for %s", replica, d), do: func(w *world) {
			w.silence(replica, d)
		}}
	case n < 13:
		d := 2*p.delivery - 500*time.Millisecond
		return action{name: fmt.Sprintf("the brokers are silent for %s, and what is taken is watched", d), do: func(w *world) {
			w.outage(d)
		}}
	case n < 16:
		if p.family.name == "queues" {
			return queueMoveAction(r, p)
		}
		return moveAction(r)
	case n < 18:
		d := between(r, 0, 5*time.Second)
		return action{name: fmt.Sprintf("replica %d crashes and is back after %s", replica, d), do: func(w *world) {
			w.restart(replica, d, (*replicaApp).crash)
		}}
	default:
		d := between(r, 0, 5*time.Second)
		return action{name: fmt.Sprintf("replica %d shuts down and is back after %s", replica, d), do: func(w *world) {
			w.restart(replica, d, (*replicaApp).shutdown)
		}}
	}
}

func faultAction(r *rand.Rand, p *plan) action {
	fault := anyFault(r)
	for p.family.name != "" && isLie(fault.Keys[0], fault.Err) {
		fault = anyFault(r)
	}
	anew, unsure := beginsAnew(fault), leavesUnsure(fault)
	if r.IntN(3) > 0 {
		return action{
			name: fmt.Sprintf("%d requests %s get %s (top level: %v)", fault.Count, fault.Keys[0].Name(), fault.Err.Message, fault.TopLevel),
			do:   func(w *world) { w.fault(fault) },
			anew: anew, unsure: unsure,
		}
	}
	d := between(r, 100*time.Millisecond, 12*time.Second)
	fault.Count = -1
	return action{
		name: fmt.Sprintf("requests %s get %s for %s (top level: %v)", fault.Keys[0].Name(), fault.Err.Message, d, fault.TopLevel),
		do:   func(w *world) { w.faultFor(fault, d) },
		anew: anew, unsure: unsure,
	}
}

func moveAction(r *rand.Rand) action {
	partition, node := r.Int32N(partitions), r.Int32N(3)
	switch r.IntN(3) {
	case 0:
		return action{name: "all leaders are shuffled", do: func(w *world) { w.kafka.ShufflePartitionLeaders() }}
	case 1:
		return action{name: "the coordinators move", do: func(w *world) { w.kafka.RehashCoordinators() }}
	default:
		return action{name: fmt.Sprintf("partition %d moves to broker %d", partition, node), do: func(w *world) {
			_ = w.kafka.MoveTopicPartition(topic, partition, node)
		}}
	}
}

// faultFor installs a fault for a while.
func (w *world) faultFor(fault kfake.Fault, d time.Duration) {
	w.after(d, w.fault(fault).Remove)
}

// fault installs a fault, which does not apply while the suite reads the log.
func (w *world) fault(fault kfake.Fault) *kfake.FaultHandle {
	fault.When = func(kmsg.Request) bool { return !w.topic.reading.Load() }
	handle := w.kafka.Fault(fault)
	w.faults = append(w.faults, handle)
	return handle
}
