//go:build synctests

package virtual

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/wsproxy/kafka-websocket-proxy/test/faults/checker"
	"github.com/wsproxy/kafka-websocket-proxy/test/faults/history"
	"github.com/wsproxy/kafka-websocket-proxy/test/faults/workload"
)

// mostDeliveries is the brokers' limit of deliveries: so high that none is lost by it.
const mostDeliveries = 1000

// queuePlan is what a schedule has of queues.
type queuePlan struct {
	queues  int // share groups
	workers int // of each, during the faults
	lock    time.Duration
	isSlow  bool // the brokers are far away: much is on its way when locks end
	remakes bool // the topic is made again under healthy workers, too
}

// addQueues decides how many workers the schedules of the family of that name have. They have no consumers.
func (p *plan) addQueues() {
	if p.family.name != "queues" {
		return
	}
	r := p.random(790)
	p.partitions = []int32{1, 1, 2, 4}[r.IntN(4)] // replicas share one only if there are fewer than replicas
	p.queue = queuePlan{
		queues: 1 + r.IntN(2), workers: 2 + r.IntN(4), isSlow: r.IntN(4) == 0,
		lock:    []time.Duration{1500 * time.Millisecond, 3 * time.Second, 6 * time.Second, 20 * time.Second}[r.IntN(4)],
		remakes: r.IntN(4) == 0,
	}
}

// brokerConfigs are those of the brokers' share groups.
func (q *queuePlan) brokerConfigs() kfake.Opt {
	return kfake.BrokerConfigs(map[string]string{
		"group.share.record.lock.duration.ms": strconv.FormatInt(q.lock.Milliseconds(), 10), "share.record.lock.sweep.interval.ms": "50",
		"group.share.heartbeat.interval.ms": "1000", "group.share.session.timeout.ms": "8000", "group.share.delivery.count.limit": strconv.Itoa(mostDeliveries),
	})
}

func queueName(i int) string { return fmt.Sprintf("work%d", i) }

// judgedQueues returns the queues as parameters of the checker.
func (p *plan) judgedQueues() (judged []checker.Queue) {
	for i := range p.queue.queues {
		judged = append(judged, checker.Queue{Name: queueName(i), Limit: mostDeliveries, Counts: true, Told: true})
	}
	return judged
}

// worker chooses how a worker behaves.
func (p *plan) worker(queue, i int) *workload.Worker {
	r := p.random(uint64(800 + 20*queue + i))
	w := &workload.Worker{
		Rand: r, Group: queueName(queue), Window: []int{1, 3, 10, 100}[r.IntN(4)], Work: between(r, time.Millisecond, p.queue.lock/2), Lock: p.queue.lock, Committed: *inTransactions,
		Life: between(r, 300*time.Millisecond, p.length), Ending: workload.AnyEnding,
	}
	switch r.IntN(6) {
	case 0:
		w.Slow = between(r, time.Millisecond, 300*time.Millisecond)
	case 1:
		w.Pongs.Never = true
	case 2:
		w.Pongs.After = between(r, 100*time.Millisecond, 6*time.Second)
	}
	return w
}

// startWorkers starts the workers that run during the faults.
func (w *world) startWorkers() {
	for queue := range w.plan.queue.queues {
		for i := range w.plan.queue.workers {
			one := w.plan.worker(queue, i)
			one.Client, one.Calm = w.client(fmt.Sprintf("%s-%d", one.Group, i), one.Rand), context.Background()
			w.faulty.Go(func() { one.Run(w.ctx) })
		}
	}
}

// calmWorkers starts workers that accept all at once, until ctx ends.
func (w *world) calmWorkers(ctx context.Context, workers *sync.WaitGroup) {
	w.calmWorkersLike(ctx, workers, drainer, workload.Worker{Window: 50})
}

// calmWorkersLike starts workers of each queue that are not in the way of each other's, with names that have a prefix.
func (w *world) calmWorkersLike(ctx context.Context, workers *sync.WaitGroup, prefix string, like workload.Worker) {
	calm, begin := context.WithCancel(context.Background())
	begin()
	for queue := range w.plan.queue.queues {
		for i := range drainersEach {
			one, r := like, w.plan.random(uint64(860+20*queue+i))
			one.Client, one.Rand, one.Group, one.Committed, one.Calm = w.client(fmt.Sprintf("%s%s-%d", prefix, queueName(queue), i), r), r, queueName(queue), *inTransactions, calm
			one.Ending = func(*rand.Rand) workload.Ending { return workload.CloseHandshake }
			workers.Go(func() { one.Run(ctx) })
		}
	}
}

// writeQueues describes the workers.
func (p *plan) writeQueues(b *strings.Builder) {
	if p.queue.queues > 0 {
		fmt.Fprintf(b, "\n%d partitions, locks of %s", p.partitions, p.queue.lock)
	}
	for queue := range p.queue.queues {
		for i := range p.queue.workers {
			w := p.worker(queue, i)
			fmt.Fprintf(b, "\nworker %d of %s with a window of %d works %s, pauses %s, pongs %+v, lives %s", i, w.Group, w.Window, w.Work, w.Slow, w.Pongs, w.Life)
		}
	}
}

// observeQueues records what the proxies tell Kafka about records, and has each of their sessions be a member of its own for the
// brokers in memory: those give back what a member holds, through whatever broker, where one of its sessions ends.
func (w *world) observeQueues() {
	w.kafka.ControlKey(int16(kmsg.ShareFetch), func(r kmsg.Request) (kmsg.Response, error, bool) {
		request, ok := r.(*kmsg.ShareFetchRequest)
		if !ok || w.queues.isOurs(*request.MemberID) {
			return nil, nil, false
		}
		for i := range request.Topics {
			for _, p := range request.Topics[i].Partitions {
				for _, b := range p.AcknowledgementBatches {
					w.toldKafka(*request.GroupID, request.Topics[i].TopicID, p.Partition, b.FirstOffset, b.LastOffset, b.AcknowledgeTypes)
				}
			}
		}
		request.MemberID = new(w.queues.session(*request.GroupID, *request.MemberID, w.kafka.CurrentNode()))
		return nil, nil, false
	})
	w.kafka.ControlKey(int16(kmsg.ShareAcknowledge), func(r kmsg.Request) (kmsg.Response, error, bool) {
		request, ok := r.(*kmsg.ShareAcknowledgeRequest)
		if !ok || w.queues.isOurs(*request.MemberID) {
			return nil, nil, false
		}
		for i := range request.Topics {
			for _, p := range request.Topics[i].Partitions {
				for _, b := range p.AcknowledgementBatches {
					w.toldKafka(*request.GroupID, request.Topics[i].TopicID, p.Partition, b.FirstOffset, b.LastOffset, b.AcknowledgeTypes)
				}
			}
		}
		request.MemberID = new(w.queues.session(*request.GroupID, *request.MemberID, w.kafka.CurrentNode()))
		return nil, nil, false
	})
}

// toldKafka records what a proxy tells about consecutive records.
func (w *world) toldKafka(group string, id [16]byte, partition int32, first, last int64, types []int8) {
	instance := w.instanceOf(id)
	verbs := map[int8]string{0: history.Gap, 1: "accept", 2: "release", 3: "reject", 4: "renew"}
	for offset := first; offset <= last; offset++ {
		kind := types[0]
		if len(types) > 1 {
			kind = types[offset-first]
		}
		w.recorder.Add(history.Event{Kind: history.QueueTold, Group: group, Instance: instance, Partition: partition, Offset: offset, Code: verbs[kind]})
	}
}

// queueSessions are the sessions of the proxies with the brokers.
type queueSessions struct {
	mu    sync.Mutex // guards what follows
	known map[queueSession]struct{}
}

type queueSession struct {
	group, member string
	node          int32
}

// mark is in no member id of the proxy.
const mark = "@"

func (*queueSessions) isOurs(member string) bool { return strings.Contains(member, mark) }

// session returns the member id of a member at one broker.
func (q *queueSessions) session(group, member string, node int32) string {
	s := queueSession{group, member + mark + strconv.Itoa(int(node)), node}
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.known == nil {
		q.known = make(map[queueSession]struct{})
	}
	q.known[s] = struct{}{}
	return s.member
}

// at returns the sessions with a broker.
func (q *queueSessions) at(node int32) (all []queueSession) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for s := range q.known {
		if s.node == node {
			all = append(all, s)
		}
	}
	return all
}
