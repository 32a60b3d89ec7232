//go:build synctests

package virtual

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/wsproxy/kafka-websocket-proxy/test/faults/checker"
	"github.com/wsproxy/kafka-websocket-proxy/test/faults/history"
	"github.com/wsproxy/kafka-websocket-proxy/test/faults/workload"
)

const (
	// keepTime is how long a worker keeps what it is given, up to keepWindow records, and keepLimit how long the others wait
	// for it then, besides the round trips: a broker that has had few records lately may be asked for one at a time, while
	// the places of the workers are taken by what another one has.
	keepTime, keepWindow, keepLimit = 5 * time.Second, 5, 3 * time.Second
	// keeper is the prefix of its clientId.
	keeper = "keep-"
)

// tryQueues has workers fail at all records, then a worker of each queue keep what it is given, and now and then the topic made again.
func (w *world) tryQueues(probe *workload.Producer) {
	w.tryPoison()
	w.tryKeeping()
	if w.plan.queue.remakes {
		w.tryRemaking(probe)
	}
}

// tryKeeping has a worker of each queue keep what it is given, and leave: the others must be given that long before its lock ends.
func (w *world) tryKeeping() {
	limit := keepLimit + 2*keepWindow*w.plan.latency
	if w.plan.queue.lock < keepTime+2*limit {
		return
	}
	var workers sync.WaitGroup
	defer workers.Wait()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	w.calmWorkers(ctx, &workers)
	workload.Pause(ctx, joinTime)
	keeping, stop := context.WithCancel(ctx)
	endings := []workload.Ending{workload.CloseHandshake, workload.CloseAtOnce, workload.Reset, workload.HalfClose}
	for queue := range w.plan.queue.queues {
		r := w.plan.random(uint64(900 + queue))
		one := &workload.Worker{
			Client: w.client(keeper+queueName(queue), r), Rand: r, Group: queueName(queue), Window: keepWindow, Keeps: true, Committed: *inTransactions,
			Life: keepTime, Ending: func(r *rand.Rand) workload.Ending { return endings[r.IntN(len(endings))] }, Calm: context.Background(),
		}
		workers.Go(func() {
			workload.Pause(keeping, 0)
			one.Run(keeping)
		})
	}
	workload.Pause(ctx, keepTime+time.Second)
	stop()
	if !workload.Within(limit, func() bool { return len(w.kept()) == 0 }) {
		w.failed(checker.Kept, "%v after %s", w.kept(), limit)
	}
}

// kept returns what keepers were given, and nobody after them.
func (w *world) kept() (all []string) {
	type record struct {
		queue     string
		partition int32
		offset    int64
	}
	queues, held := make(map[int]*history.Event), make(map[record]bool)
	events := w.recorder.Events()
	for i := range events {
		e := &events[i]
		if e.Kind == history.QueueOpen {
			queues[e.Conn] = e
		}
		opened := queues[e.Conn]
		if e.Kind != history.QueueRecord || opened == nil {
			continue
		}
		at := record{opened.Group, e.Partition, e.Offset}
		if opened.ID == keeper+opened.Group {
			held[at] = true
		} else {
			delete(held, at)
		}
	}
	for at := range held {
		all = append(all, fmt.Sprintf("%s %d/%d", at.queue, at.partition, at.offset))
	}
	return all
}

// unsettled describes where queues have not settled all records.
func (w *world) unsettled() (behind string) {
	if w.plan.queue.queues == 0 {
		return ""
	}
	client, err := kgo.NewClient(kgo.SeedBrokers(w.kafka.ListenAddrs()...), kgo.Dialer(w.clients.Dial))
	if err != nil {
		return err.Error()
	}
	defer client.Close()
	for queue := range w.plan.queue.queues {
		name := queueName(queue)
		described, err := kadm.NewClient(client).DescribeShareGroupOffsets(context.Background(), name)
		if err != nil || described[name].Err != nil {
			return fmt.Sprintf("queue %s: %v %v; ", name, err, described[name].Err)
		}
		offsets := described[name].Offsets[topic]
		for partition, end := range w.ends() {
			if at := offsets[partition]; end > 0 && (at.StartOffset != end || at.Lag != 0) {
				behind += fmt.Sprintf("queue %s is at %d/%d of %d; ", name, partition, at.StartOffset, end)
			}
		}
	}
	return behind
}
