package produce

import (
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/cluster"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/kafkatest"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/kafkatest/clustertest"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// rig is a pool on a broker with the topic "t".
type rig struct {
	broker *kfake.Cluster
	admin  *kadm.Client
	topics *cluster.Topics
	pool   *Pool
}

func newRig(t *testing.T, topics ...string) *rig {
	t.Helper()
	broker := kafkatest.Broker(t, append(topics, "t")...)
	c := clustertest.Connect(t, broker)
	r := &rig{broker: broker, topics: watch(t, c), pool: newPool(t, c)}
	r.admin, _ = kafkatest.Admin(t, broker)
	return r
}

// remake deletes the topic "t" and creates it again.
func (r *rig) remake(t *testing.T) {
	t.Helper()
	r.remove(t, "t")
	if _, err := r.admin.CreateTopic(kafkatest.Deadline(t), 3, 1, nil, "t"); err != nil {
		t.Fatal(err)
	}
}

func (r *rig) remove(t *testing.T, name string) {
	t.Helper()
	if _, err := r.admin.DeleteTopic(kafkatest.Deadline(t), name); err != nil {
		t.Fatal(err)
	}
}

// awaitEnd waits until the watcher has noticed that an instance has ended.
func awaitEnd(t *testing.T, topic *cluster.Topic) {
	t.Helper()
	kafkatest.Await(t, "the end of the topic", func() bool {
		topic.Refresh()
		return hasEnded(topic.Instance)
	})
}

// values returns the values in the topic "t", sorted.
func (r *rig) values(t *testing.T) (values []string) {
	t.Helper()
	ends, err := r.admin.ListEndOffsets(kafkatest.Deadline(t), "t")
	if err != nil || ends.Error() != nil {
		t.Fatal(err, ends.Error())
	}
	left, starts := int64(0), make(map[int32]kgo.Offset)
	ends.Each(func(o kadm.ListedOffset) {
		left += o.Offset
		starts[o.Partition] = kgo.NewOffset().AtStart()
	})
	client, err := kgo.NewClient(kgo.SeedBrokers(r.broker.ListenAddrs()...), kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{"t": starts}))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	for int64(len(values)) < left {
		fetches := client.PollFetches(kafkatest.Deadline(t))
		if err := fetches.Err(); err != nil {
			t.Fatal(err)
		}
		fetches.EachRecord(func(r *kgo.Record) { values = append(values, string(r.Value)) })
	}
	slices.Sort(values)
	return values
}

func (r *rig) want(t *testing.T, want ...string) {
	t.Helper()
	if got := r.values(t); !slices.Equal(got, want) {
		t.Errorf("the topic has %q, want %q", got, want)
	}
}

func mustProduce(t *testing.T, p *Producer, value string) {
	t.Helper()
	if _, err := kafkatest.Produce(t, p, kafkatest.Value(value)); err != nil {
		t.Fatalf("%q: %v", value, err)
	}
}

func wantNotFound(t *testing.T, p *Producer, value string) {
	t.Helper()
	if _, err := kafkatest.Produce(t, p, kafkatest.Value(value)); kafkatest.KindOf(err) != proxy.KindTopicNotFound {
		t.Errorf("%q: got %v", value, err)
	}
}

// usesOf returns the topics for which the clients of a pool are used.
func usesOf(p *Pool) (topics []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.clients {
		c.mu.Lock()
		topics = slices.AppendSeq(topics, maps.Keys(c.topics))
		c.mu.Unlock()
	}
	slices.Sort(topics)
	return topics
}

// TestFirstMessageAfterARecreationIsWritten uses connections of one clientId, and so of one client of
// franz-go, before and after a topic was created again.
func TestFirstMessageAfterARecreationIsWritten(t *testing.T) {
	r := newRig(t)
	old := open(t, r.topics, "t")
	before := r.pool.Open("c", old)
	mustProduce(t, before, "old")
	for _, value := range []string{"first", "second", "third"} {
		r.remake(t)
		awaitEnd(t, old)
		old = open(t, r.topics, "t")
		after := r.pool.Open("c", old)
		mustProduce(t, after, value)
		wantNotFound(t, before, "late")
		r.want(t, value)
		if after.current.client != before.current.client {
			t.Error("the connections have different clients")
		}
		before = after
	}
}

// TestNothingOfAnOldConnectionIsWrittenToTheNewTopic lets connections to the old and the new topic write
// at the same time.
func TestNothingOfAnOldConnectionIsWrittenToTheNewTopic(t *testing.T) {
	r := newRig(t)
	old := open(t, r.topics, "t")
	before := r.pool.Open("c", old)
	mustProduce(t, before, "old")
	stop := make(chan struct{})
	var writing sync.WaitGroup
	writing.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
				_, _ = kafkatest.Produce(t, before, kafkatest.Value("old"))
			}
		}
	})
	r.remake(t)
	awaitEnd(t, old)
	fresh := r.pool.Open("c", open(t, r.topics, "t"))
	want := make([]string, 50)
	for i := range want {
		want[i] = "new"
		mustProduce(t, fresh, "new")
	}
	close(stop)
	writing.Wait()
	r.want(t, want...)
}

// TestATopicMadeAgainBeforeTheFirstRecord lets franz-go see another instance than the one that the
// connection has opened.
func TestATopicMadeAgainBeforeTheFirstRecord(t *testing.T) {
	r := newRig(t)
	p := r.pool.Open("c", open(t, r.topics, "t"))
	r.remake(t)
	wantNotFound(t, p, "old")
	r.want(t)
	mustProduce(t, r.pool.Open("c", open(t, r.topics, "t")), "new")
	r.want(t, "new")
}

// TestHeldRecordsOfAnEndedTopic checks that held records fail as soon as the end of the topic is
// noticed, and do not wait for Kafka.
func TestHeldRecordsOfAnEndedTopic(t *testing.T) {
	r := newRig(t)
	r.pool.cluster.Settings.ClientRequestTimeout = time.Minute
	topic := open(t, r.topics, "t")
	p := r.pool.Open("c", topic)
	mustProduce(t, p, "before")
	stalled, release := stall(t, r.broker)
	defer release()
	outcomes := make([]*kafkatest.Outcome, 10)
	for i := range outcomes {
		outcomes[i] = kafkatest.NewOutcome()
		record := proxy.Record{Partition: int32(i % 3), Value: []byte("held")}
		p.Produce(&record, time.Now(), outcomes[i])
	}
	<-stalled
	r.remake(t)
	awaitEnd(t, topic)
	for _, f := range outcomes {
		if _, err := f.Await(t); kafkatest.KindOf(err) != proxy.KindTopicNotFound {
			t.Errorf("got %v", err)
		}
	}
	kafkatest.Await(t, "the client to forget the topic", func() bool { return len(usesOf(r.pool)) == 0 })
}

// TestOrderAcrossTheLoadOfATopic hands records over while franz-go does not know the topic yet.
func TestOrderAcrossTheLoadOfATopic(t *testing.T) {
	r := newRig(t)
	p := r.pool.Open("c", open(t, r.topics, "t"))
	outcomes := make([]*kafkatest.Outcome, 500)
	for i := range outcomes {
		outcomes[i] = kafkatest.NewOutcome()
		record := proxy.Record{Partition: 1, Value: []byte("v")}
		p.Produce(&record, time.Now(), outcomes[i])
	}
	for i, f := range outcomes {
		if ack, err := f.Await(t); err != nil || ack.Offset != int64(i) {
			t.Fatalf("record %d: got %+v, %v", i, ack, err)
		}
	}
}

// metadataOf counts metadata requests for the topic that do not come from the watcher.
func metadataOf(broker *kfake.Cluster, topic string) *atomic.Int64 {
	asked := new(atomic.Int64)
	broker.ControlKey(int16(kmsg.Metadata), func(request kmsg.Request) (kmsg.Response, error, bool) {
		broker.KeepControl()
		metadata, _ := request.(*kmsg.MetadataRequest)
		for _, one := range metadata.Topics {
			if one.Topic != nil && *one.Topic == topic && !metadata.IncludeTopicAuthorizedOperations {
				asked.Add(1)
			}
		}
		return nil, nil, false
	})
	return asked
}

// TestADeletedTopicIsNotAskedForAnymore watches a client that continues to write to another topic.
func TestADeletedTopicIsNotAskedForAnymore(t *testing.T) {
	r := newRig(t, "other")
	topic, other := open(t, r.topics, "t"), r.pool.Open("c", open(t, r.topics, "other"))
	p := r.pool.Open("c", topic)
	mustProduce(t, p, "x")
	mustProduce(t, other, "x")
	r.remake(t)
	awaitEnd(t, topic)
	r.remove(t, "t")
	wantNotFound(t, p, "late")
	kafkatest.Await(t, "the client to forget the topic", func() bool { return slices.Equal(usesOf(r.pool), []string{"other"}) })
	asked := metadataOf(r.broker, "t")
	p.current.client.client.ForceMetadataRefresh()
	// Unless it is purged, franz-go requests the metadata every half second.
	quiet := time.NewTimer(2 * time.Second)
	defer quiet.Stop()
	for ended := false; !ended; {
		mustProduce(t, other, "x")
		wantNotFound(t, p, "late")
		select {
		case <-quiet.C:
			ended = true
		default:
		}
	}
	if n := asked.Load(); n > 0 {
		t.Errorf("the topic's metadata was requested %d times", n)
	}
}

// TestAnIdleTopicIsForgotten uses a client for another topic all the time.
func TestAnIdleTopicIsForgotten(t *testing.T) {
	r := newRig(t, "other")
	p, other := r.pool.Open("c", open(t, r.topics, "t")), r.pool.Open("c", open(t, r.topics, "other"))
	mustProduce(t, p, "x")
	now := time.Now()
	for _, at := range []time.Duration{0, time.Hour - 1} {
		mustProduce(t, other, "x")
		r.pool.sweep(now.Add(at))
		if uses := usesOf(r.pool); len(uses) != 2 {
			t.Fatalf("after %v the client is used for %v", at, uses)
		}
	}
	mustProduce(t, other, "x")
	r.pool.sweep(now.Add(time.Hour))
	kafkatest.Await(t, "the client to forget the topic", func() bool { return slices.Equal(usesOf(r.pool), []string{"other"}) })
	mustProduce(t, p, "y") // on the same connection
	r.want(t, "x", "y")
}

// TestFranzGoIsToldNoInstance fails when franz-go by itself switches to a topic that was created again:
// then much of topicUse is no longer needed.
func TestFranzGoIsToldNoInstance(t *testing.T) {
	r := newRig(t)
	client, err := kgo.NewClient(kgo.SeedBrokers(r.broker.ListenAddrs()...), kgo.MetadataMinAge(10*time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	write := func() error {
		return client.ProduceSync(kafkatest.Deadline(t), &kgo.Record{Topic: "t", Value: []byte("v")}).FirstErr()
	}
	if err := write(); err != nil {
		t.Fatal(err)
	}
	r.remake(t)
	for range 5 {
		if err := write(); err == nil || causeOf(err) != topicEnded {
			t.Fatalf("got %v", err)
		}
		client.ForceMetadataRefresh()
	}
	client.PurgeTopicsFromClient("t")
	if err := write(); err != nil {
		t.Errorf("after a purge: %v", err)
	}
}
