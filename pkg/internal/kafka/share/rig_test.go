package share

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/budget"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/cluster"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/kafkatest"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/kafkatest/clustertest"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
	"github.com/wsproxy/kafka-websocket-proxy/test/kafka"
)

// rig is the environment of tests, on kfake or Apache Kafka, with a topic and a group of their own.
type rig struct {
	*testing.T
	topic    string
	group    proxy.GroupID
	hosts    []string
	admin    *kadm.Client
	replicas int16       // of topics
	client   *kgo.Client // writes to the partitions that records name
}

// pod is a replica of the proxy.
type pod struct {
	*rig
	cluster *cluster.Cluster
	topics  *cluster.Topics
	groups  *Groups
	gate    *kafkatest.Gate
	budget  *budget.Budget // nil for none
}

// eachKafka runs a test on kfake and on Apache Kafka.
func eachKafka(t *testing.T, test func(*rig)) {
	t.Helper()
	t.Run("kfake", func(t *testing.T) { test(fakeRig(t, 1)) })
	t.Run("Kafka", func(t *testing.T) { test(newRig(t, kafka.Require(t).Addr())) })
}

// fakeRig returns a rig on kfake.
func fakeRig(t *testing.T, brokers int, options ...kfake.Opt) *rig {
	t.Helper()
	r, _ := fakeRigAnd(t, brokers, options...)
	return r
}

func fakeRigAnd(t *testing.T, brokers int, options ...kfake.Opt) (*rig, *kfake.Cluster) {
	t.Helper()
	broker, err := kfake.NewCluster(append([]kfake.Opt{kfake.NumBrokers(brokers)}, options...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(broker.Close)
	return newRig(t, broker.ListenAddrs()...), broker
}

func newRig(t *testing.T, hosts ...string) *rig {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(hosts...), kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.MetadataMinAge(50*time.Millisecond), kgo.ProducerLinger(0))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	name := fmt.Sprintf("%s-%d", strings.ReplaceAll(t.Name(), "/", "-"), time.Now().UnixNano())
	return &rig{T: t, topic: name, group: proxy.GroupID("g-" + name), replicas: 1, hosts: hosts, admin: kadm.NewClient(client), client: client}
}

// create makes a topic and waits until its partitions have leaders.
func (r *rig) create(topic string, partitions int32) {
	r.Helper()
	var err error
	for ctx := kafkatest.Deadline(r); ctx.Err() == nil; cluster.Pause(ctx, 50*time.Millisecond) {
		if _, err = r.admin.CreateTopic(ctx, partitions, r.replicas, nil, topic); err == nil {
			break
		}
	}
	if err != nil {
		r.Fatalf("making a topic: %v", err)
	}
	kafkatest.Await(r, "the partitions to have leaders", func() bool {
		listed, err := r.admin.ListEndOffsets(kafkatest.Deadline(r), topic)
		return err == nil && listed.Error() == nil && len(listed[topic]) == int(partitions)
	})
}

// write writes values to a partition of the rig's topic in one batch.
func (r *rig) write(partition int32, values ...string) {
	r.Helper()
	var records []*kgo.Record
	for _, v := range values {
		records = append(records, &kgo.Record{Topic: r.topic, Partition: partition, Value: []byte(v)})
	}
	if err := r.client.ProduceSync(kafkatest.Deadline(r), records...).FirstErr(); err != nil {
		r.Fatal(err)
	}
}

// pod starts a replica.
func (r *rig) pod() *pod {
	r.Helper()
	return r.podWithin(nil)
}

// podWithin starts a replica with a memory budget.
func (r *rig) podWithin(b *budget.Budget) *pod {
	r.Helper()
	p := &pod{rig: r, gate: &kafkatest.Gate{}, budget: b}
	p.cluster = clustertest.ConnectThrough(r.T, p.gate.Dial, r.hosts...)
	p.topics = p.cluster.WatchTopics()
	r.Cleanup(p.topics.Close)
	p.groups = NewGroups(p.cluster, p.budget, nil)
	r.Cleanup(func() { p.groups.Close(kafkatest.Deadline(r)) })
	return p
}

// hold opens a topic.
func (p *pod) hold(topic string) *cluster.Topic {
	p.Helper()
	var held *cluster.Topic
	kafkatest.Await(p, "the topic to be shown", func() (opened bool) {
		one, err := p.topics.OpenFor(kafkatest.Deadline(p), cluster.Access{Topic: topic})
		held = one
		return err == nil
	})
	p.Cleanup(held.Close)
	return held
}

// hand is a worker of a test, and what it was told.
type hand struct {
	*pod
	worker  *Worker
	got     []proxy.Delivery
	expired []proxy.Position
	settled []*proxy.Settlement
	notices []*proxy.Error
}

// open opens a worker of the rig's topic and group.
func (p *pod) open(window int) *hand {
	p.Helper()
	return p.openWith(Options{Window: window})
}

func (p *pod) openWith(o Options) *hand {
	p.Helper()
	if o.Topic == nil {
		o.Topic = p.hold(p.topic)
	}
	o.GroupID = p.group
	if o.Begin == "" {
		o.Begin = BeginEarliest
	}
	w, err := p.groups.Open(kafkatest.Deadline(p), o)
	if err != nil {
		p.Fatal(err)
	}
	h := &hand{pod: p, worker: w}
	p.Cleanup(func() { w.Close(kafkatest.Deadline(p)) })
	return h
}

// takeAndDeliver is Take of a worker to whom all is sent at once, without what is not to be sent.
func takeAndDeliver(ctx context.Context, w *Worker) (proxy.QueueEvent, error) {
	e, err := w.Take(ctx)
	e.Deliveries = slices.DeleteFunc(e.Deliveries, func(proxy.Delivery) bool { return !w.Deliver() })
	return e, err
}

// take takes what there is to take, once.
func (h *hand) take(ctx context.Context) error {
	e, err := takeAndDeliver(ctx, h.worker)
	h.got = append(h.got, e.Deliveries...)
	h.expired = append(h.expired, e.Expired...)
	if e.Settlement != nil {
		h.settled = append(h.settled, e.Settlement)
	}
	if e.Notice != nil {
		h.notices = append(h.notices, e.Notice)
	}
	return err
}

// until takes until a condition holds.
func (h *hand) until(what string, holds func() bool) {
	h.Helper()
	ctx := kafkatest.Deadline(h)
	for !holds() {
		if err := h.take(ctx); err != nil {
			h.Fatalf("waiting for %s: %v; has %q, %d expired, %d settled", what, err, values(h.got), len(h.expired), len(h.settled))
		}
	}
}

// wants takes until as many records are there, and compares their values in any order.
func (h *hand) wants(want ...string) {
	h.Helper()
	h.until(fmt.Sprintf("%q", want), func() bool { return len(h.got) >= len(want) })
	got := values(h.got)
	slices.Sort(got)
	if !slices.Equal(got, want) {
		h.Fatalf("got %q, want %q", got, want)
	}
}

func values(all []proxy.Delivery) (texts []string) {
	for i := range all {
		texts = append(texts, string(all[i].Value))
	}
	return texts
}

// positions returns the positions of all records that the worker has got.
func (h *hand) positions() (all []proxy.Position) {
	for i := range h.got {
		all = append(all, h.position(i))
	}
	return all
}

func (h *hand) position(i int) proxy.Position {
	d := &h.got[i]
	return proxy.Position{Topic: h.topic, Partition: d.Partition, Offset: d.Offset, Timestamp: d.Timestamp}
}

// settle gives an acknowledgement, and waits for its results.
func (h *hand) settle(acknowledgement proxy.Acknowledgement, positions ...proxy.Position) *proxy.Settlement {
	h.Helper()
	if err := h.worker.Settle(kafkatest.Deadline(h), acknowledgement, positions); err != nil {
		h.Fatal(err)
	}
	n := len(h.settled)
	h.until("the settlement", func() bool { return len(h.settled) > n })
	return h.settled[n]
}

// settles gives an acknowledgement on all records that the worker has got, wants them settled, and forgets them.
func (h *hand) settles(acknowledgement proxy.Acknowledgement) {
	h.Helper()
	results := h.settle(acknowledgement, h.positions()...)
	h.results(results, proxy.SettleDone)
	h.got = nil
}

// results compares all results of a settlement.
func (h *hand) results(s *proxy.Settlement, want proxy.SettleResult) {
	h.Helper()
	for _, r := range s.Results {
		if r.Result != want {
			h.Errorf("%s of %s: got %d, want %d", s.Acknowledgement, r.Position, r.Result, want)
		}
	}
}

// awaitNoLag waits until Kafka has nothing left for the group.
func (r *rig) awaitNoLag() {
	r.Helper()
	kafkatest.Await(r, "the group to have no lag", func() bool {
		lag, err := r.lag()
		return err == nil && lag == 0
	})
}

// lag asks for the lag of the group by a client of its own: franz-go (1.22.3) goes on asking a coordinator that cannot be dialled
// for the offsets of share groups.
func (r *rig) lag() (lag int64, err error) {
	client, err := kgo.NewClient(kgo.SeedBrokers(r.hosts...))
	if err != nil {
		return 0, err
	}
	defer client.Close()
	described, err := kadm.NewClient(client).DescribeShareGroupOffsets(kafkatest.Deadline(r), string(r.group))
	if err != nil {
		return 0, err
	}
	group := described[string(r.group)]
	if group.Err != nil {
		return 0, group.Err
	}
	if len(group.Offsets) == 0 {
		return 0, errors.New("no offsets are told yet")
	}
	for _, partitions := range group.Offsets {
		for _, o := range partitions {
			lag += o.Lag
		}
	}
	return lag, nil
}

// guardedPod starts a replica that uses a Kafka with ACLs.
func guardedPod(t *testing.T, g *kafkatest.Guarded) *pod {
	t.Helper()
	p := &pod{rig: &rig{T: t, admin: g.Admin, client: g.Client}}
	p.cluster = clustertest.ConnectWith(t, &g.Settings, nil)
	p.topics = p.cluster.WatchTopics()
	t.Cleanup(p.topics.Close)
	p.groups = NewGroups(p.cluster, p.budget, nil)
	t.Cleanup(func() { p.groups.Close(kafkatest.Deadline(t)) })
	return p
}

// holdAs opens a topic as a user.
func (p *pod) holdAs(topic, user string) *cluster.Topic {
	p.Helper()
	var held *cluster.Topic
	kafkatest.Await(p, "the topic to be shown", func() (opened bool) {
		one, err := p.topics.OpenFor(kafkatest.Deadline(p), cluster.Access{Topic: topic, Credentials: kafkatest.User(user)})
		held = one
		return err == nil
	})
	p.Cleanup(held.Close)
	return held
}

// contextOf returns a context of so many milliseconds.
func contextOf(t *testing.T, millis int) (context.Context, context.CancelFunc) {
	t.Helper()
	return context.WithTimeout(t.Context(), time.Duration(millis)*time.Millisecond)
}
