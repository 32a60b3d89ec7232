//go:build synctests

package virtual

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/test/faults/checker"
	"github.com/wsproxy/kafka-websocket-proxy/test/faults/workload"
)

const (
	// joinTime is the time that healthy consumers have for joining their groups before the trial.
	joinTime = 15 * time.Second
	// goneTime is the time after which no connection of a deleted topic is left.
	goneTime = 80 * time.Second
)

// remakeAction deletes the topic, and creates it again at once or after a while.
func remakeAction(r *rand.Rand, _ *plan) action {
	gaps := []time.Duration{0, between(r, time.Millisecond, 3*time.Second), between(r, 5*time.Second, 30*time.Second)}
	gap, count := gaps[r.IntN(len(gaps))], anyCount(r)
	return action{
		name: fmt.Sprintf("the topic is deleted, and made again with %d partitions after %s", count, gap),
		do:   func(w *world) { w.do(w.remake(w.ctx, gap, count)) },
	}
}

// anyCount returns a number of partitions: the previous number as often as another one.
func anyCount(r *rand.Rand) int32 {
	if r.IntN(2) == 0 {
		return partitions
	}
	return 1 + r.Int32N(2*partitions)
}

// remake deletes the topic, and creates it again after a while, at the latest when ctx ends.
func (w *world) remake(ctx context.Context, gap time.Duration, count int32) error {
	if !w.isThere() {
		return nil
	}
	if err := w.remove(); err != nil {
		return err
	}
	if gap == 0 {
		return w.make(count)
	}
	w.faulty.Go(func() {
		workload.Pause(ctx, gap)
		w.do(w.make(count))
	})
	return nil
}

// do handles an error of the suite itself, which invalidates the schedule.
func (w *world) do(err error) {
	if err != nil {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.broken = append(w.broken, err)
	}
}

// tryRemaking deletes the topic under healthy clients: their connections must be closed, and they must
// be served after the topic exists again.
func (w *world) tryRemaking(probe *workload.Producer) {
	r := w.plan.random(710)
	gap, count := time.Duration(r.IntN(2))*between(r, time.Second, 50*time.Second), anyCount(r)
	w.among(func(ctx context.Context) {
		workload.Pause(ctx, joinTime)
		w.do(w.remake(ctx, gap, count))
		deleted := time.Now()
		w.faulty.Wait()
		before := probe.Acked()
		if !workload.Within(goneTime, func() bool { return probe.Acked() > before }) {
			w.failed(checker.Unserved, "a healthy producer had no answer %s after the topic was deleted, and made again after %s", time.Since(deleted), gap)
		}
		workload.Pause(ctx, goneTime-time.Since(deleted))
	})
}
