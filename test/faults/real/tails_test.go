//go:build unix

package real

import (
	"context"
	"fmt"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/test/faults/checker"
	"github.com/wsproxy/kafka-websocket-proxy/test/faults/history"
	"github.com/wsproxy/kafka-websocket-proxy/test/faults/workload"
)

const (
	// besideTopic is compacted, and read by tails alone.
	besideTopic      = "prices"
	besidePartitions = 2
	// tailLook is between two looks at whether tails were given all.
	tailLook = time.Second
)

// startTails starts tails, which go on when the faults are over, and what writes to the topic that they alone read.
func (r *rig) startTails() {
	must(r.t, r.kafka.makeBeside(r.ctx))
	r.kafka.beside.follow(r.t, r.kafka.broker)
	p := r.producer("beside", random(500))
	p.Topic, p.Beside, p.Keyed, p.Partitions = besideTopic, true, true, besidePartitions
	p.Burst, p.Every, p.MaxSize, p.Life = 8, 200*time.Millisecond, 2000, 20*time.Second
	r.faulty.Go(func() { p.Run(r.ctx) })
	for i, t := range []*workload.Tail{
		{Client: r.client("", nil), Wants: history.Tail{From: "earliest", Slow: "wait"}, Batch: true},
		{Client: r.client("", nil), Wants: history.Tail{From: "latest", Slow: "skip"}, Slow: 2 * time.Millisecond, Stalls: true, Selects: true},
		{Client: r.beside(), Wants: history.Tail{From: "latest", Slow: "wait", Snapshot: true}},
		{Client: r.client("", nil), Wants: history.Tail{From: "latest", Slow: "latest", Every: 300 * time.Millisecond}, Further: []string{topic, besideTopic}},
	} {
		t.Rand, t.Main, t.Calm, t.Ending, t.Committed = random(uint64(510+i)), topic, r.ctx, workload.AnyEnding, r.several != nil
		t.Life = time.Duration(10+5*i) * time.Second
		t.ClientID = fmt.Sprintf("tail%d", i)
		t.Dial = func() (workload.Wire, error) { return r.dial(t.Rand) }
		if t.Selects {
			t.Wants.Keys = workload.AnyKeys(t.Rand)
		}
		r.tails = append(r.tails, t.ClientID)
		r.tailing.Go(func() { t.Run(r.reading) })
	}
}

// beside is a client of the compacted topic.
func (r *rig) beside() workload.Client {
	c := r.client("", nil)
	c.Topic = besideTopic
	return c
}

// judged is what Kafka holds, as the checker takes it.
func (r *rig) judged() (checker.Kafka, error) {
	log, err := r.kafka.log()
	if err != nil {
		return checker.Kafka{}, err
	}
	prices, err := r.kafka.besideLog()
	if err != nil {
		return checker.Kafka{}, err
	}
	judged := checker.Kafka{
		Log: log, Ended: r.kafka.instances.ended, Name: topic, Beside: map[string]map[int32][]checker.Record{besideTopic: prices}, Tails: r.tails,
		Groups: []checker.Group{{Name: autoGroup}, {Name: manualGroup, Manual: true}, {Name: lateGroup, Latest: true}},
	}
	if r.several != nil {
		judged.Queues = []checker.Queue{{Name: queueName, Limit: mostDeliveries, Unseen: 3, Lock: lockTime}}
	}
	return judged, nil
}

// awaitTails waits until tails were given all. What is missing is found in the end.
func (r *rig) awaitTails() {
	kafka, err := r.judged()
	must(r.t, err)
	for by := time.Now().Add(healLimit); time.Now().Before(by) && len(checker.Behind(r.recorder.Events(), kafka)) > 0; {
		workload.Pause(r.t.Context(), tailLook)
	}
}

// makeBeside makes the compacted topic.
func (o *observer) makeBeside(ctx context.Context) error {
	policy := "compact"
	if _, err := o.admin.CreateTopic(ctx, besidePartitions, -1, map[string]*string{"cleanup.policy": &policy}, besideTopic); err != nil {
		return fmt.Errorf("making the compacted topic: %w", err)
	}
	return nil
}
