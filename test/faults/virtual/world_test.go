//go:build synctests

package virtual

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/wsproxy/kafka-websocket-proxy/test/faults/checker"
	"github.com/wsproxy/kafka-websocket-proxy/test/faults/history"
	"github.com/wsproxy/kafka-websocket-proxy/test/faults/network"
	"github.com/wsproxy/kafka-websocket-proxy/test/faults/workload"
)

const (
	autoGroup   = "auto"
	manualGroup = "manual"
	// Groups that begin at the end.
	lateGroup       = "late"
	lateManualGroup = "latemanual"
	// maxMessageBytes is the topic's limit, low enough that clients reach it.
	maxMessageBytes = 16 << 10
	// watchEvery is how often the groups' positions are read.
	watchEvery = 50 * time.Millisecond
)

// world is everything in a schedule: brokers, two proxies, their clients, and the history.
type world struct {
	plan     *plan
	random   *rand.Rand
	network  *network.Network
	kafka    *kfake.Cluster
	recorder *history.Recorder
	settings []string
	clients  *network.Host
	topic    topicState
	beside   besideState
	queues   queueSessions
	logs     proxyLogs

	stateAway atomic.Int32 // more than 0 while the leader of the state topic is away
	stateID   atomic.Value // of the state topic, as [16]byte

	ctx       context.Context // ends with the time of faults
	stop      context.CancelFunc
	faulty    sync.WaitGroup // clients that end with it
	healthy   sync.WaitGroup // clients after it
	producers []*workload.Producer
	stuck     []checker.Violation // found by the clients after the faults
	tails     []string            // their names
	tailing   context.Context     // ends with them
	stopTails context.CancelFunc
	faults    []*kfake.FaultHandle
	// survivor writes in transactions through all faults: if its connection survives, effects of the
	// faults on it must not last.
	survivor  *workload.Producer
	surviving context.Context // ends when it leaves
	leave     context.CancelFunc

	mu       sync.Mutex // guards what follows
	replicas [replicas]*replicaApp
	started  int
	meddled  int // how often connections between replicas and brokers were changed
	targets  targets
	broken   []error // errors of the suite itself
	gone     []*replicaApp
}

func newWorld(p *plan) (*world, error) {
	w := &world{plan: p, random: p.random(1), network: network.New(p.buffer), recorder: &history.Recorder{}}
	w.ctx, w.stop = context.WithCancel(context.Background())
	w.surviving, w.leave = context.WithCancel(context.Background())
	w.tailing, w.stopTails = context.WithCancel(context.Background())
	w.clients = w.network.Host("clients")
	kafka, err := kfake.NewCluster(kfake.NumBrokers(brokers), kfake.ListenFn(w.network.Host("brokers").Listen),
		kfake.GroupMinSessionTimeout(time.Second), p.queue.brokerConfigs())
	if err != nil {
		return nil, fmt.Errorf("starting the brokers: %w", err)
	}
	w.kafka = kafka
	w.topic.ids, w.topic.seen = make(map[string]int), make(map[int32]map[int64]*kgo.Record)
	w.topic.empty = make(map[int32]bool)
	w.beside.seen = make(map[int32]map[int64]*kgo.Record)
	w.fetchWithoutTotal()
	w.endEpochsOfEmptyLogs()
	if p.family.name != "" {
		w.holdWrites()
		w.watchState()
	}
	if err := w.make(p.partitions); err != nil {
		return nil, err
	}
	if p.beside {
		if err := w.makeBeside(); err != nil {
			return nil, err
		}
	}
	w.settings = []string{
		"WSPROXY_KAFKA_BOOTSTRAP_HOSTS=" + strings.Join(kafka.ListenAddrs(), ","),
		"WSPROXY_PORT=0", "WSPROXY_ADMIN_PORT=0", "WSPROXY_BIND_INTERFACE=127.0.0.1", "WSPROXY_SERVER_ID=virtual",
		"WSPROXY_DRAIN_DELAY=0s", "WSPROXY_SHUTDOWN_GRACE=10s", "WSPROXY_CONSUMER_SESSION_TIMEOUT=6s",
		"WSPROXY_KAFKA_CLIENT_REQUEST_TIMEOUT=5s", "WSPROXY_PRODUCER_EXACTLY_ONCE_ENABLED=true",
		"WSPROXY_PRODUCER_MAX_IN_FLIGHT=" + strconv.Itoa(window),
		"WSPROXY_KAFKA_PRODUCER_DELIVERY_TIMEOUT=" + p.delivery.String(),
		"WSPROXY_WRITE_TIMEOUT=" + p.write.String(),
	}
	w.settings = append(w.settings, p.family.settings...)
	w.observeCommits()
	w.observeQueues()
	for i := range w.replicas {
		if err := w.start(i); err != nil {
			return nil, err
		}
	}
	if state := kafka.TopicInfo(stateTopic); state != nil {
		w.stateID.Store(state.TopicID)
	}
	return w, nil
}

// fetchWithoutTotal limits each fetch by partition only. If a fetch ends at the limit for all partitions
// together, kfake, unlike a real Kafka, leaves out which of its records belong to aborted transactions.
func (w *world) fetchWithoutTotal() {
	w.kafka.ControlKey(int16(kmsg.Fetch), func(r kmsg.Request) (kmsg.Response, error, bool) {
		if fetch, ok := r.(*kmsg.FetchRequest); ok {
			fetch.MaxBytes = math.MaxInt32
		}
		return nil, nil, false
	})
}

// watchPositions records the groups' positions as they change.
func (w *world) watchPositions(ctx context.Context) {
	known := make(map[groupPartition]int64)
	ticker := time.NewTicker(watchEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
		for _, group := range w.plan.groups() {
			w.lookAt(group.name, known)
		}
	}
}

// lookAt records changes of a group's positions. A deletion of the topic removes the positions before
// the next instance has its number.
func (w *world) lookAt(group string, known map[groupPartition]int64) {
	instance := int(w.topic.instance.Load())
	info := w.kafka.GroupInfo(group)
	if info == nil || int(w.topic.instance.Load()) != instance {
		return
	}
	for partition, commit := range info.Commits[topic] {
		at := groupPartition{group, instance, partition}
		if before, ok := known[at]; ok && before == commit.Offset {
			continue
		}
		known[at] = commit.Offset
		if w.plan.family.name != "" {
			w.recordEnd(instance, partition)
		}
		w.recorder.Add(history.Event{
			Kind: history.Position, Group: group, Instance: instance, Partition: partition, Offset: commit.Offset,
		})
	}
}

// recordEnd records the end offset of a partition's log.
func (w *world) recordEnd(instance int, partition int32) {
	e := history.Event{Kind: history.LogEnd, Instance: instance, Partition: partition}
	if info := w.kafka.PartitionInfo(topic, partition); info != nil {
		e.Offset = info.HighWatermark
	}
	if int(w.topic.instance.Load()) == instance {
		w.recorder.Add(e)
	}
}

// start starts a replica.
func (w *world) start(i int) error {
	w.mu.Lock()
	w.started++
	w.meddled++
	name := fmt.Sprintf("replica-%d.%d", i, w.started)
	w.mu.Unlock()
	r, err := startReplica(w, name)
	if err != nil {
		return fmt.Errorf("starting a replica: %w", err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.replicas[i] = r
	return nil
}

func (w *world) replica(i int) *replicaApp {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.replicas[i]
}

// restart ends a replica in one of two ways, and starts another in its place after a while.
func (w *world) restart(i int, after time.Duration, end func(*replicaApp)) {
	w.mu.Lock()
	w.meddled++
	old := w.replicas[i]
	w.replicas[i] = nil
	if old != nil {
		w.gone = append(w.gone, old)
	}
	w.mu.Unlock()
	if old == nil {
		return
	}
	end(old)
	w.after(after, func() { _ = w.start(i) })
}

// after calls f later, at the latest at the end of the faults.
func (w *world) after(d time.Duration, f func()) {
	w.faulty.Go(func() {
		workload.Pause(w.ctx, d)
		f()
	})
}

// meddle notes that the observation of an outage is no longer conclusive. It returns the number of such
// notes.
func (w *world) meddle() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.meddled++
	return w.meddled
}

func (w *world) cutBrokers(i, share int) {
	w.meddle()
	if r := w.replica(i); r != nil {
		r.cut(w.random, share)
	}
}

func (w *world) silence(i int, d time.Duration) {
	if r := w.replica(i); r != nil {
		w.meddle()
		r.silence()
		w.after(d, func() {
			w.meddle()
			r.thaw()
		})
	}
}

var errNoReplica = errors.New("no replica runs")

// dial connects a client to any replica.
func (w *world) dial(r *rand.Rand) (workload.Wire, error) {
	first := r.IntN(replicas)
	for i := range replicas {
		p := w.replica((first + i) % replicas)
		if p == nil {
			continue
		}
		conn, err := w.clients.Connect(p.app.Addr())
		if err != nil {
			return nil, fmt.Errorf("connecting to a replica: %w", err)
		}
		return conn, nil
	}
	return nil, errNoReplica
}
