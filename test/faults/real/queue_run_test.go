//go:build unix

package real

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/wsproxy/kafka-websocket-proxy/test/faults/checker"
	"github.com/wsproxy/kafka-websocket-proxy/test/faults/history"
	"github.com/wsproxy/kafka-websocket-proxy/test/faults/workload"
	"github.com/wsproxy/kafka-websocket-proxy/test/kafka"
)

const (
	queueName     = "work"
	queueWorkers  = 8
	queueReplicas = 2 // proxies
	// lockTime and mostDeliveries are those of the brokers: the shortest time that leaves some for work, and the most that Kafka allows.
	lockTime       = 3 * time.Second
	mostDeliveries = 10
)

// queueRun is a run with workers of a queue on three brokers.
type queueRun struct {
	t        testing.TB
	random   *rand.Rand // of the fault that strikes
	brokers  *kafka.Cluster
	fleet    *fleet
	wires    wires
	recorder *history.Recorder
	admin    *kadm.Client
	marks    marks

	ctx       context.Context // ends with the time of faults
	stop      context.CancelFunc
	faulty    sync.WaitGroup // the clients that end with it
	producers []*workload.Producer
	stuck     []checker.Violation
}

// shareProperties have brokers lock records for lockTime.
func shareProperties() map[string]string {
	return map[string]string{
		"group.share.min.record.lock.duration.ms": "1000", "group.share.record.lock.duration.ms": fmt.Sprint(lockTime.Milliseconds()),
		"group.share.delivery.count.limit": fmt.Sprint(mostDeliveries), "group.share.min.heartbeat.interval.ms": "1000",
		"group.share.heartbeat.interval.ms": "1000", "group.share.min.session.timeout.ms": "6000", "group.share.session.timeout.ms": "8000",
	}
}

func newQueueRun(t testing.TB) *queueRun {
	t.Helper()
	q := &queueRun{t: t, recorder: &history.Recorder{}, brokers: kafka.RequireOwnCluster(t, kafka.ClusterOptions{Properties: shareProperties()})}
	client, err := kgo.NewClient(seeds(q.brokers.Addr()))
	must(t, err)
	t.Cleanup(client.Close)
	q.admin = kadm.NewClient(client)
	limit := maxMessageBytes
	_, err = q.admin.CreateTopic(t.Context(), partitions, 3, map[string]*string{"max.message.bytes": &limit}, topic)
	must(t, err)
	q.fleet = newFleet(t, q.brokers.Addr(), queueReplicas, hasty()...)
	q.ctx, q.stop = context.WithCancel(t.Context())
	t.Cleanup(func() {
		q.stop()
		q.faulty.Wait()
	})
	return q
}

func (q *queueRun) client(name string, random *rand.Rand) workload.Client {
	return workload.Client{Recorder: q.recorder, ClientID: name, Topic: topic, Dial: func() (workload.Wire, error) {
		address, err := q.fleet.any(random.IntN(q.fleet.size()))
		if err != nil {
			return nil, err
		}
		return q.wires.dial(address, nil)
	}}
}

// startClients starts what lives through the time of faults.
func (q *queueRun) startClients() {
	for i := range 2 {
		r := random(uint64(600 + i))
		p := &workload.Producer{
			Client: q.client(fmt.Sprintf("p%d", i), r), Rand: r, Partitions: partitions, Burst: 8, Every: 200 * time.Millisecond, MaxSize: 6000,
			Life: time.Duration(15+10*i) * time.Second, Ending: soonEnding,
		}
		q.producers = append(q.producers, p)
		q.faulty.Go(func() { p.Run(q.ctx) })
	}
	for i := range queueWorkers {
		w := q.worker(fmt.Sprintf("w%d", i), uint64(620+i))
		w.Calm, w.Window, w.Life, w.Ending = context.Background(), []int{5, 20, 50, 100}[i%4], time.Duration(8+5*i)*time.Second, soonEnding
		if i == queueWorkers-1 {
			w.Slow = 20 * time.Millisecond
		}
		q.faulty.Go(func() { w.Run(q.ctx) })
	}
}

// soonEnding is one after which a client comes again soon: the faults include others.
func soonEnding(r *rand.Rand) workload.Ending {
	all := []workload.Ending{workload.CloseHandshake, workload.CloseAtOnce, workload.Reset, workload.HalfClose, workload.CutInside}
	return all[r.IntN(len(all))]
}

// worker returns one that is calm.
func (q *queueRun) worker(name string, stream uint64) *workload.Worker {
	calm, begin := context.WithCancel(context.Background())
	begin()
	r := random(stream)
	return &workload.Worker{
		Client: q.client(name, r), Rand: r, Group: queueName, Window: 100, Work: 200 * time.Millisecond, Lock: lockTime, Life: time.Hour, Ending: orderly, Calm: calm,
	}
}

// unserved records that somebody healthy has waited in vain.
func (q *queueRun) unserved(rule checker.Rule, format string, args ...any) {
	v := checker.Violation{Rule: rule, At: time.Now(), Text: fmt.Sprintf(format, args...)}
	q.stuck = append(q.stuck, v)
	q.t.Error(v)
}

// lag returns how many records of each partition the queue has yet to settle. The start of a queue may be far behind, since Kafka
// stores it with the next acknowledgement only.
func (q *queueRun) lag() (map[int32]int64, error) {
	ctx, cancel := context.WithTimeout(context.Background(), askLimit)
	defer cancel()
	described, err := q.admin.DescribeShareGroupOffsets(ctx, queueName)
	if err == nil {
		err = described[queueName].Err
	}
	if err != nil {
		return nil, fmt.Errorf("asking for the queue's lag: %w", err)
	}
	lag := make(map[int32]int64)
	for partition, at := range described[queueName].Offsets[topic] {
		lag[partition] = at.Lag
	}
	return lag, nil
}

func (q *queueRun) ends() (map[int32]int64, error) {
	o := observer{admin: q.admin}
	return o.ends()
}

// healed waits, after a fault, until every producer has had an answer, and all is settled that was in the log when the fault was over.
func (q *queueRun) healed(after string) bool {
	began := time.Now()
	var ends map[int32]int64
	if !workload.Within(healLimit, func() (ok bool) {
		var err error
		ends, err = q.ends()
		return err == nil
	}) {
		q.unserved(checker.Unserved, "Kafka does not serve %v after %s", healLimit, after)
		return false
	}
	for i, p := range q.producers {
		acked := p.Acked()
		if !workload.Within(healLimit-time.Since(began), func() bool { return p.Acked() > acked }) {
			q.unserved(checker.Unserved, "producer p%d has had no answer for %v after %s", i, time.Since(began), after)
		}
	}
	if !workload.Within(healLimit-time.Since(began), func() bool { return q.haveNew(ends) }) {
		q.unserved(checker.Unserved, "workers were given nothing new for %v after %s", time.Since(began), after)
	}
	return len(q.stuck) == 0
}

// haveNew tells whether workers were given a record of each partition that was not in the log then.
func (q *queueRun) haveNew(ends map[int32]int64) bool {
	workload.Pause(q.t.Context(), 3*askPause) // the events are many
	waits := maps.Clone(ends)
	for _, e := range slices.Backward(q.recorder.Events()) {
		if end, waiting := waits[e.Partition]; waiting && e.Kind == history.QueueRecord && e.Offset >= end {
			delete(waits, e.Partition)
		}
		if len(waits) == 0 {
			return true
		}
	}
	return false
}

// settle ends the clients, has calm workers settle what is left, and ends the proxies.
func (q *queueRun) settle() {
	q.stop()
	q.faulty.Wait()
	ctx, cancel := context.WithCancel(q.t.Context())
	var calm sync.WaitGroup
	for i := range 2 {
		w := q.worker(fmt.Sprintf("calm%d", i), uint64(660+i))
		calm.Go(func() { w.Run(ctx) })
	}
	q.awaitSettled()
	cancel()
	calm.Wait()
	for i := range queueReplicas {
		must(q.t, q.fleet.shutdown(i))
	}
}

// awaitSettled waits until all that is in the log is settled, which does not grow anymore.
func (q *queueRun) awaitSettled() {
	var lag map[int32]int64
	settled := func() bool {
		now, err := q.lag()
		if err != nil {
			return false
		}
		lag = now
		sum := int64(0)
		for _, n := range lag {
			sum += max(n, -n) // it is -1 if Kafka does not know
		}
		return len(lag) == partitions && sum == 0
	}
	if !workload.Within(healLimit, settled) {
		q.unserved(checker.Unsettled, "calm workers had %v, and the lag is %v", healLimit, lag)
	}
}

// judged is what Kafka holds, as the checker takes it.
func (q *queueRun) judged() checker.Kafka {
	log := make(map[int32][]checker.Record)
	o := observer{broker: q.brokers.Addr(), admin: q.admin}
	must(q.t, o.read(topic, func(r *kgo.Record) { log[r.Partition] = append(log[r.Partition], workload.Entry(r)) }))
	return checker.Kafka{Log: log, Name: topic, Queues: []checker.Queue{{Name: queueName, Limit: mostDeliveries, Unseen: 3, Lock: lockTime}}}
}
