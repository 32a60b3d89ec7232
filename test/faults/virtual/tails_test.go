//go:build synctests

package virtual

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/test/faults/checker"
	"github.com/wsproxy/kafka-websocket-proxy/test/faults/history"
	"github.com/wsproxy/kafka-websocket-proxy/test/faults/workload"
)

// tailSettings make tails slow soon, and have them wait for each other.
func tailSettings() []string {
	return []string{"WSPROXY_TAIL_BUFFER_BYTES=64KiB", "WSPROXY_TAIL_CATCHUP_READERS=2"}
}

// addTails decides how many tails a schedule has: the family of that name has many and no groups, and others have few
// where the errors of their trials would not reach them, or are not counted.
func (p *plan) addTails() {
	r := p.random(760)
	switch p.family.name {
	case "tails":
		p.tails, p.beside, p.late = 3+r.IntN(4), true, 0
	case "topics", "growth", "retention", "state":
		p.tails = 1 + r.IntN(2)
	}
}

// tailAction changes a topic under tails.
func tailAction(r *rand.Rand, p *plan) action {
	switch r.IntN(4) {
	case 0:
		return remakeAction(r, p)
	case 1:
		return growAction(r, p)
	case 2:
		return trimAction(r, p)
	default:
		return action{name: "a topic is compacted", do: func(w *world) { w.do(w.compact()) }}
	}
}

// startTails starts the tails, which go on through all faults until all others have ended.
func (w *world) startTails() {
	for i := range w.plan.tails {
		t := w.tail(i)
		w.tails = append(w.tails, t.ClientID)
		w.healthy.Go(func() { t.Run(w.tailing) })
	}
	if w.plan.beside {
		p := w.besideProducer()
		w.faulty.Go(func() { p.Run(w.ctx) })
	}
}

// tail creates a tail that reads well when the faults are over.
func (w *world) tail(i int) *workload.Tail {
	t := w.plan.tail(i)
	client := w.client(fmt.Sprintf("tail%d", i), t.Rand)
	client.Topic = t.Topic
	t.Client, t.Calm = client, w.ctx
	return t
}

// tail chooses what a tail wants and how it behaves.
func (p *plan) tail(i int) *workload.Tail {
	r := p.random(uint64(770 + i))
	t := &workload.Tail{
		Client: workload.Client{Topic: topic}, Main: topic, Rand: r, Committed: *inTransactions,
		Batch: r.IntN(4) == 0, Stalls: r.IntN(3) == 0, Life: between(r, 300*time.Millisecond, p.length), Ending: workload.AnyEnding,
	}
	t.Wants = history.Tail{From: []string{"latest", "earliest"}[r.IntN(2)], Slow: []string{"wait", "wait", "skip", "latest"}[r.IntN(4)]}
	if p.beside {
		t.Topic = []string{topic, topic, besideTopic, topic + "," + besideTopic}[r.IntN(4)]
	}
	if r.IntN(5) == 0 {
		t.Wants.Every, t.Wants.Slow = between(r, 50*time.Millisecond, 2*time.Second).Truncate(time.Millisecond), "latest"
	}
	if r.IntN(3) == 0 {
		t.Wants.Keys, t.Selects = workload.AnyKeys(r), r.IntN(2) == 0
	}
	if t.Topic == besideTopic && t.Wants.From == "latest" {
		t.Wants.Snapshot = r.IntN(3) > 0
	}
	if p.beside && !t.Wants.Snapshot && r.IntN(4) == 0 {
		t.Further = []string{topic, besideTopic}
	}
	if r.IntN(3) == 0 {
		t.Slow = between(r, time.Millisecond, 100*time.Millisecond)
	}
	return t
}

// writeTails describes the tails.
func (p *plan) writeTails(b *strings.Builder) {
	for i := range p.tails {
		t := p.tail(i)
		fmt.Fprintf(b, "\ntail%d of %s from %s, keys %v, slow=%s, every %s, snapshot %v, in arrays %v; changes keys %v, topics %v, pauses %s, stalls %v, lives %s",
			i, t.Topic, t.Wants.From, t.Wants.Keys, t.Wants.Slow, t.Wants.Every, t.Wants.Snapshot, t.Batch, t.Selects, t.Further, t.Slow, t.Stalls, t.Life)
	}
}

const (
	// tailLimit is the time that tails have for being given all, once the log does not grow.
	tailLimit = 5 * time.Minute
	// tailLook is between two looks.
	tailLook = time.Second
)

// awaitTails waits until tails were given all. What is missing is found in the end.
func (w *world) awaitTails() error {
	if w.plan.tails == 0 {
		return nil
	}
	kafka, err := w.judged()
	if err != nil {
		return err
	}
	for by := time.Now().Add(tailLimit); time.Now().Before(by); {
		if len(checker.Behind(w.events(), kafka)) == 0 {
			return nil
		}
		workload.Pause(context.Background(), tailLook)
	}
	return nil
}

// tailTime is how long tails have, in the trial, before and after a change.
const tailTime = 10 * time.Second

// tryTails changes a topic under healthy tails.
func (w *world) tryTails(*workload.Producer) {
	r := w.plan.random(765)
	if r.IntN(2) == 0 {
		return
	}
	workload.Pause(context.Background(), tailTime)
	switch r.IntN(4) {
	case 0:
		w.do(w.remake(context.Background(), time.Duration(r.IntN(2))*between(r, time.Second, 20*time.Second), anyCount(r)))
		w.faulty.Wait()
	case 1:
		w.do(w.grow(1 + r.Int32N(partitions)))
	case 2:
		w.do(w.trim(r.Int32N(partitions), 1))
	default:
		w.do(w.compact())
	}
	workload.Pause(context.Background(), 2*tailTime)
}
