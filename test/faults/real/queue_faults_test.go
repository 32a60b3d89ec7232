//go:build unix

package real

import (
	"context"
	"fmt"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/test/faults/workload"
)

// queueFault is one thing that goes wrong while workers take records of a queue.
type queueFault struct {
	name   string
	strike func(*queueRun) (string, error)
}

func queueFaults() []queueFault {
	return []queueFault{
		{"broker killed", (*queueRun).killBroker},
		{"leaders moved", (*queueRun).moveLeaders},
		{"proxy killed", func(q *queueRun) (string, error) { return q.restartProxy(q.fleet.crash) }},
		{"proxy shut down by SIGTERM", func(q *queueRun) (string, error) { return q.restartProxy(q.fleet.shutdown) }},
		{"proxy frozen", (*queueRun).freezeProxy},
		{"clients reset (RST)", func(q *queueRun) (string, error) { return q.each((*wire).Reset) }},
		{"clients cut inside a frame", func(q *queueRun) (string, error) { return q.each((*wire).cutNext) }},
		{"clients frozen", (*queueRun).freezeClients},
	}
}

func queueNames(all []queueFault) (names []string) {
	for _, f := range all {
		names = append(names, f.name)
	}
	return names
}

func (q *queueRun) between(least, most time.Duration) time.Duration {
	return least + time.Duration(q.random.Int64N(int64((most-least)/time.Millisecond)))*time.Millisecond
}

// killBroker kills one of three: the others lead its partitions after some seconds.
func (q *queueRun) killBroker() (string, error) {
	away, id := q.between(0, 9*time.Second), 1+q.random.Int32N(3)
	ctx, cancel := context.WithTimeout(q.t.Context(), startLimit)
	defer cancel()
	err := q.brokers.Node(id).Kill()
	if err == nil {
		workload.Pause(ctx, away)
		err = q.brokers.Node(id).Restart(ctx)
	}
	return fmt.Sprintf("broker %d, restarted after %v", id, away), err
}

func (q *queueRun) moveLeaders() (string, error) {
	return moveLeaders(q.t.Context(), q.admin, 1+q.random.Int32N(2))
}

func (q *queueRun) restartProxy(end func(int) error) (string, error) {
	away, i := q.between(0, 3*time.Second), mortal(queueReplicas, q.random.IntN)
	err := end(i)
	if err == nil {
		workload.Pause(q.t.Context(), away)
		err = q.fleet.start(i)
	}
	return fmt.Sprintf("replica %d, restarted after %v", i, away), err
}

// freezeProxy takes about as often more as less than the time after which Kafka gives what the proxy holds to others.
func (q *queueRun) freezeProxy() (string, error) {
	d, i := q.between(lockTime/2, 2*lockTime), q.random.IntN(queueReplicas)
	return fmt.Sprintf("replica %d for %v", i, d), q.fleet.freeze(i, d)
}

func (q *queueRun) each(end func(*wire)) (string, error) {
	chosen := q.wires.some(q.random)
	for _, w := range chosen {
		end(w)
	}
	return fmt.Sprintf("%d connections", len(chosen)), nil
}

func (q *queueRun) freezeClients() (string, error) {
	d, chosen := q.between(time.Second, 2*lockTime), q.wires.some(q.random)
	for _, w := range chosen {
		w.Freeze()
	}
	workload.Pause(q.t.Context(), d)
	for _, w := range chosen {
		w.thaw()
	}
	return fmt.Sprintf("%d connections for %v", len(chosen), d), nil
}
