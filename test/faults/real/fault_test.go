//go:build unix

package real

import (
	"context"
	"fmt"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/test/faults/workload"
)

// fault is one thing that goes wrong.
type fault struct {
	name string
	// strike lets it happen and ends it. What it returns is what it was in particular.
	strike func(*rig) (string, error)
	// divides means that a broker may believe to lead a partition that another one leads.
	divides bool
}

func faults() []fault {
	return []fault{
		{name: "broker killed", strike: (*rig).killBroker},
		{name: "broker frozen", strike: (*rig).freezeBroker},
		{name: "proxy killed", strike: (*rig).killProxy},
		{name: "proxy shut down by SIGTERM", strike: (*rig).stopProxy},
		{name: "proxy frozen", strike: (*rig).freezeProxy},
		{name: "clients reset (RST)", strike: (*rig).resetClients},
		{name: "clients closed (FIN)", strike: (*rig).closeClients},
		{name: "clients cut inside a frame", strike: (*rig).cutClients},
		{name: "clients half-open", strike: (*rig).abandonClients},
		{name: "clients frozen", strike: (*rig).freezeClients},
		{name: "topic deleted and made again", strike: (*rig).remakeTopic},
		{name: "partitions added", strike: (*rig).growTopic},
		{name: "records deleted", strike: (*rig).trimTopic},
	}
}

func names(all []fault) (names []string) {
	for _, f := range all {
		names = append(names, f.name)
	}
	return names
}

// between chooses a time, of whole milliseconds.
func (r *rig) between(least, most time.Duration) time.Duration {
	return least + time.Duration(r.random.Int64N(int64((most-least)/time.Millisecond)))*time.Millisecond
}

func (r *rig) killBroker() (string, error) {
	away := r.between(0, 3*time.Second)
	ctx, cancel := context.WithTimeout(r.t.Context(), startLimit)
	defer cancel()
	err := r.broker.Kill()
	if err == nil {
		workload.Pause(ctx, away)
		err = r.broker.Restart(ctx)
	}
	return fmt.Sprintf("restarted after %v", away), err
}

func (r *rig) freezeBroker() (string, error) {
	d := r.between(time.Second, 7*time.Second)
	err := r.broker.Pause()
	if err == nil {
		workload.Pause(r.t.Context(), d)
		err = r.broker.Resume()
	}
	return fmt.Sprintf("for %v", d), err
}

func (r *rig) killProxy() (string, error) { return r.restartProxy(r.fleet.crash) }
func (r *rig) stopProxy() (string, error) { return r.restartProxy(r.fleet.shutdown) }

func (r *rig) restartProxy(end func(int) error) (string, error) {
	away, i := r.between(0, 3*time.Second), mortal(replicas, r.random.IntN)
	err := end(i)
	if err == nil {
		workload.Pause(r.t.Context(), away)
		err = r.fleet.start(i)
	}
	return fmt.Sprintf("replica %d, restarted after %v", i, away), err
}

// freezeProxy takes about as often more as less than the time after which Kafka gives a
// proxy's partitions to others.
func (r *rig) freezeProxy() (string, error) {
	d, i := r.between(3*time.Second, 9*time.Second), r.random.IntN(replicas)
	return fmt.Sprintf("replica %d for %v", i, d), r.fleet.freeze(i, d)
}

func (r *rig) resetClients() (string, error) {
	return r.clients((*wire).Reset)
}

// closeClients ends one direction: where something is not read yet, to end both is an RST.
func (r *rig) closeClients() (string, error) {
	return r.clients(func(w *wire) { _ = w.CloseWrite() })
}

func (r *rig) cutClients() (string, error) {
	return r.clients((*wire).cutNext)
}

func (r *rig) clients(end func(*wire)) (string, error) {
	chosen := r.wires.some(r.random)
	for _, w := range chosen {
		end(w)
	}
	return fmt.Sprintf("%d connections", len(chosen)), nil
}

// abandonClients lets clients come back while the proxy still has their old connections,
// which end only after it should have ended them itself.
func (r *rig) abandonClients() (string, error) {
	d, chosen := r.between(4500*time.Millisecond, 7*time.Second), r.wires.some(r.random)
	for _, w := range chosen {
		w.abandon()
	}
	workload.Pause(r.t.Context(), d)
	for _, w := range chosen {
		w.bury()
	}
	return fmt.Sprintf("%d connections for %v", len(chosen), d), nil
}

// freezeClients takes about as often more as less than the time after which the proxy gives a
// client up.
func (r *rig) freezeClients() (string, error) {
	d, chosen := r.between(time.Second, 7*time.Second), r.wires.some(r.random)
	for _, w := range chosen {
		w.Freeze()
	}
	workload.Pause(r.t.Context(), d)
	for _, w := range chosen {
		w.thaw()
	}
	return fmt.Sprintf("%d connections for %v", len(chosen), d), nil
}

// remakeTopic makes the topic again at once as often as after a while, and with other partitions as
// often as not.
func (r *rig) remakeTopic() (string, error) {
	away, count := time.Duration(r.random.IntN(2))*r.between(time.Second, 20*time.Second), partitions+int32(r.random.IntN(2))*r.random.Int32N(partitions)
	err := r.kafka.remove(r.t.Context())
	if err == nil {
		workload.Pause(r.t.Context(), away)
		err = r.kafka.make(r.t.Context(), count)
	}
	return fmt.Sprintf("with %d partitions after %v", count, away), err
}

// growTopic adds few partitions: a run may do so often.
func (r *rig) growTopic() (string, error) {
	more := 1 + r.random.IntN(2)
	return fmt.Sprintf("%d more", more), r.kafka.grow(r.t.Context(), more)
}

func (r *rig) trimTopic() (string, error) { return "all of them", r.kafka.trim(r.t.Context()) }
