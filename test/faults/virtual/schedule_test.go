//go:build synctests

package virtual

import (
	"context"
	"errors"
	"fmt"
	"maps"
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
	if err = errors.Join(append(w.broken, err)...); err != nil {
		return checker.Report{}, err
	}
	log, err := w.log()
	if err != nil {
		return checker.Report{}, err
	}
	report := checker.Check(w.events(), checker.Kafka{
		Log: log, Ended: w.topic.ended, Groups: p.judged(), Honest: p.family.name != "",
		Anew: p.anew() && p.somePlain(), Unsure: p.unsure() && p.somePlain(),
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
	began := time.Now()
	probe := w.makeProbe()
	w.healthy.Go(func() { probe.Run(ctx) })
	w.awaitAnswers(probe, began)
	if try := w.plan.family.trial; try != nil {
		try(w, probe)
	}
	cancel()
	w.leave()
	if last := w.plan.family.last; last != nil {
		last(w)
	}
	w.drain(began)
	before := w.ends()
	w.end()
	if !maps.Equal(before, w.ends()) { // the replicas had something left to write
		if err := w.start(0); err == nil {
			w.drain(began)
			w.end()
		}
	}
	return w.stuck
}

// awaitAnswers waits until those that write now are served.
func (w *world) awaitAnswers(probe *workload.Producer, began time.Time) {
	if !workload.Within(serveLimit, func() bool { return probe.Acked() > 0 }) {
		w.failed(checker.Unserved, "a healthy producer had no answer %s after the last fault", time.Since(began))
	}
	if !*inTransactions {
		return
	}
	before := w.survivor.Acked()
	if !workload.Within(serveLimit, func() bool { return w.survivor.Acked() > before }) {
		w.failed(checker.Unserved, "a surviving producer had no answer %s after the last fault", time.Since(began))
	}
}

// failed notes what the checker cannot find.
func (w *world) failed(rule checker.Rule, format string, args ...any) {
	w.stuck = append(w.stuck, checker.Violation{Rule: rule, At: time.Now(), Text: fmt.Sprintf(format, args...)})
}

// drain lets fresh consumers read and commit all there is.
func (w *world) drain(began time.Time) {
	w.among(func(context.Context) {
		if !workload.Within(drainLimit, w.drained) {
			w.failed(checker.Uncommitted, "healthy consumers have not read and committed all %s after the last fault: %s", time.Since(began), w.behind())
		}
	})
}

// among does something while healthy consumers read.
func (w *world) among(do func(context.Context)) {
	ctx, cancel := context.WithCancel(context.Background())
	var readers sync.WaitGroup
	defer readers.Wait()
	defer cancel()
	w.drainers(ctx, &readers)
	readers.Go(func() { w.unstick(ctx) })
	do(ctx)
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

// makeProbe makes a healthy producer. It goes by the name of one of the others, with whom it shares a
// Kafka client: nothing that the faults did to that may last.
func (w *world) makeProbe() *workload.Producer {
	probe := w.steady("p0", 400)
	probe.Name, probe.Transactional = "probe", *inTransactions
	return probe
}
