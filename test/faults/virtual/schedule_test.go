//go:build synctests

package virtual

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/test/faults/checker"
	"github.com/wsproxy/kafka-websocket-proxy/test/faults/workload"
)

const (
	// drainLimit is the time that healthy consumers have for reading all records after the last fault.
	// It includes members that vanished in the middle of a rebalance: the brokers wait for each of them
	// as long as the rebalance may take.
	drainLimit = 10 * time.Minute
	// serveLimit is the time that a healthy producer has for getting an answer after the last fault.
	serveLimit = time.Minute
	// leftoverTime is the time that goroutines of a proxy have after its end; a real process would have
	// none left. Goroutines that remain afterwards are leaks.
	leftoverTime = 2 * time.Minute
)

// run runs a schedule and checks it.
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
	w.stopTails()
	stopWatching()
	w.healthy.Wait()
	if err = errors.Join(append(w.broken, err)...); err != nil {
		return checker.Report{}, err
	}
	kafka, err := w.judged()
	if err != nil {
		return checker.Report{}, err
	}
	report := checker.Check(w.events(), kafka)
	report.Violations = append(stuck, report.Violations...)
	return report, nil
}

// judged returns what Kafka holds, as a parameter of the checker.
func (w *world) judged() (checker.Kafka, error) {
	log, err := w.log()
	if err != nil {
		return checker.Kafka{}, err
	}
	beside, err := w.besideLogs()
	if err != nil {
		return checker.Kafka{}, err
	}
	p := w.plan
	return checker.Kafka{
		Log: log, Ended: w.topic.ended, Groups: p.judged(), Honest: p.family.name != "", Name: topic, Beside: beside, Tails: w.tails, Queues: p.judgedQueues(),
		Anew: p.anew() && p.somePlain(), Unsure: p.unsure() && p.somePlain(),
	}, nil
}

// act runs the plan's actions.
func (w *world) act() {
	began := time.Now()
	for _, a := range w.plan.actions {
		workload.Pause(w.ctx, a.at-time.Since(began))
		a.do(w)
	}
	workload.Pause(w.ctx, w.plan.length-time.Since(began))
}

// heal ends all faults and clients, so that only healthy replicas remain.
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

// settle lets healthy clients write and read until all records are read.
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
	before := w.readAll(began)
	w.end()
	if !w.isQuiet(before) { // the replicas still had records to write
		if err := w.start(0); err == nil {
			w.readAll(began)
			w.end()
		}
	}
	return w.stuck
}

// readAll waits until groups and tails have read all that there is, and returns the ends of the logs that it has waited for.
// Replicas may write meanwhile what producers have left behind, for as long as the delivery timeout: then it waits for that, too.
func (w *world) readAll(began time.Time) (ends map[groupPartition]int64) {
	for by := time.Now().Add(drainLimit); ; {
		ends = w.allEnds()
		w.drain(began)
		w.do(w.awaitTails())
		if w.isQuiet(ends) || time.Now().After(by) {
			return ends
		}
	}
}

// awaitAnswers waits until the current producers are served.
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

// failed notes a violation that the checker cannot find.
func (w *world) failed(rule checker.Rule, format string, args ...any) {
	w.stuck = append(w.stuck, checker.Violation{Rule: rule, At: time.Now(), Text: fmt.Sprintf(format, args...)})
}

// drain lets new consumers read and commit all records.
func (w *world) drain(began time.Time) {
	w.among(func(context.Context) {
		if !workload.Within(drainLimit, w.drained) {
			w.failed(checker.Uncommitted, "healthy consumers have not read and committed all %s after the last fault: %s", time.Since(began), w.behind())
		}
		if !workload.Within(drainLimit, func() bool { return w.unsettled() == "" }) {
			w.failed(checker.Unsettled, "healthy workers have not settled all %s after the last fault: %s", time.Since(began), w.unsettled())
		}
	})
}

// among calls do while healthy consumers read.
func (w *world) among(do func(context.Context)) {
	ctx, cancel := context.WithCancel(context.Background())
	var readers sync.WaitGroup
	defer readers.Wait()
	defer cancel()
	w.drainers(ctx, &readers)
	w.calmWorkers(ctx, &readers)
	readers.Go(func() { w.unstick(ctx) })
	do(ctx)
}

// end shuts the replicas down, and waits for the remaining goroutines of the others.
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

// makeProbe creates a healthy producer. It uses the name of another one, with which it shares a Kafka
// client: effects of the faults on that client must not last.
func (w *world) makeProbe() *workload.Producer {
	probe := w.steady("p0", 400)
	probe.Name, probe.Transactional = "probe", *inTransactions
	return probe
}
