//go:build synctests

package virtual

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/test/faults/checker"
	"github.com/wsproxy/kafka-websocket-proxy/test/faults/workload"
)

const (
	// drainLimit is what healthy consumers have for reading all there is, once nothing fails
	// any more. It covers members that vanished in the middle of a rebalance: the brokers wait
	// for each of them as long as the rebalance may take.
	drainLimit = 10 * time.Minute
	// serveLimit is what a healthy producer has for getting an answer then.
	serveLimit = time.Minute
	// leftoverTime is what is left of a proxy has after its end, which a real one's process
	// would not have. What is still there afterwards has leaked.
	leftoverTime = 2 * time.Minute
)

// run goes through a schedule and judges it.
func run(p *plan) (checker.Report, error) {
	w, err := newWorld(p)
	if err != nil {
		return checker.Report{}, err
	}
	defer w.kafka.Close()
	watch, stopWatching := context.WithCancel(context.Background())
	defer stopWatching()
	w.healthy.Go(func() { w.watchPositions(watch) })

	w.startClients()
	w.act()
	err = w.heal()
	stuck := w.settle()
	stopWatching()
	w.healthy.Wait()
	if err != nil {
		return checker.Report{}, err
	}
	log, err := w.log()
	if err != nil {
		return checker.Report{}, err
	}
	report := checker.Check(w.recorder.Events(), checker.Kafka{
		Log: log, Groups: []checker.Group{{Name: autoGroup}, {Name: manualGroup, Manual: true}},
		Anew: w.plan.anew(), Unsure: w.plan.unsure(),
	})
	report.Violations = append(stuck, report.Violations...)
	return report, nil
}

// act does what the plan says.
func (w *world) act() {
	began := time.Now()
	for _, a := range w.plan.actions {
		workload.Pause(w.ctx, a.at-time.Since(began))
		a.do(w)
	}
	workload.Pause(w.ctx, w.plan.length-time.Since(began))
}

// heal ends all faults and clients, so that healthy replicas are left.
func (w *world) heal() error {
	w.stop()
	w.faulty.Wait()
	for _, fault := range w.faults {
		fault.Remove()
	}
	for i := range w.replicas {
		if r := w.replica(i); r != nil {
			r.thaw()
			continue
		}
		if err := w.start(i); err != nil {
			return err
		}
	}
	return nil
}

// settle lets healthy clients write and read until there is nothing left to read.
func (w *world) settle() []checker.Violation {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var stuck []checker.Violation
	began := time.Now()
	probe := w.probe()
	w.healthy.Go(func() { probe.Run(ctx) })
	if !workload.Within(serveLimit, func() bool { return probe.Acked() > 0 }) {
		stuck = append(stuck, checker.Violation{
			Rule: checker.Unserved, At: time.Now(),
			Text: fmt.Sprintf("a healthy producer had no answer %s after the last fault", time.Since(began)),
		})
	}
	cancel()
	stuck = append(stuck, w.drain(began)...)
	before := w.ends()
	w.end()
	if !maps.Equal(before, w.ends()) { // the replicas had something left to write
		if err := w.start(0); err == nil {
			stuck = append(stuck, w.drain(began)...)
			w.end()
		}
	}
	return stuck
}

// drain lets fresh consumers read and commit all there is.
func (w *world) drain(began time.Time) []checker.Violation {
	ctx, cancel := context.WithCancel(context.Background())
	var readers sync.WaitGroup
	defer readers.Wait()
	defer cancel()
	w.drainers(ctx, &readers)
	readers.Go(func() { w.unstick(ctx) })
	if workload.Within(drainLimit, w.drained) {
		return nil
	}
	return []checker.Violation{{
		Rule: checker.Uncommitted, At: time.Now(),
		Text: fmt.Sprintf("healthy consumers have not read and committed all %s after the last fault", time.Since(began)),
	}}
}

// end shuts the replicas down, and waits for what is left of the others.
func (w *world) end() {
	for i := range w.replicas {
		w.mu.Lock()
		if r := w.replicas[i]; r != nil {
			r.shutdown()
			w.gone = append(w.gone, r)
			w.replicas[i] = nil
		}
		w.mu.Unlock()
	}
	for _, r := range w.gone {
		r.over.Wait()
	}
	workload.Pause(context.Background(), leftoverTime)
}

// probe is a healthy producer. It goes by the name of one of the others, with whom it shares a
// Kafka client: nothing that the faults did to that may last.
func (w *world) probe() *workload.Producer {
	r := w.plan.random(400)
	return &workload.Producer{
		Client: w.client("p0", r), Name: "probe", Rand: r, Partitions: partitions, Burst: 3, Every: time.Second, MaxSize: 100,
		Life: time.Hour, Ending: func(*rand.Rand) workload.Ending { return workload.CloseHandshake },
	}
}
