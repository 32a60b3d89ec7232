package consume

import (
	"bytes"
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
	"github.com/wsproxy/kafka-websocket-proxy/test/kafka"
)

// testWaits has a long wait in which a test would time out.
func testWaits() fetchWaits { return fetchWaits{usual: 50 * time.Millisecond, long: time.Hour} }

func TestWithMaxWaitChangesTheWaitAloneInEveryVersion(t *testing.T) {
	t.Parallel()
	for _, clientID := range []*string{nil, new(""), new("a-client")} {
		for version := range kmsg.NewPtrFetchRequest().MaxVersion() + 1 {
			request := fetchOf(clientID, version, 5*time.Second)
			changed, ok := withMaxWait(request, 20*time.Second)
			if want := fetchOf(clientID, version, 20*time.Second); !ok || !bytes.Equal(changed, want) {
				t.Errorf("version %d: %x, want %x", version, changed, want)
			}
			if !bytes.Equal(request, fetchOf(clientID, version, 5*time.Second)) {
				t.Errorf("version %d: the caller's bytes have changed", version)
			}
			for short := range request[:20] {
				withMaxWait(request[:short], time.Second) // must not panic
			}
		}
	}
}

func fetchOf(clientID *string, version int16, wait time.Duration) []byte {
	fetch := kmsg.NewPtrFetchRequest()
	fetch.Version, fetch.MaxWaitMillis, fetch.MinBytes = version, int32(wait.Milliseconds()), 1
	fetch.Topics = []kmsg.FetchRequestTopic{{Topic: "t", Partitions: []kmsg.FetchRequestTopicPartition{{Partition: 3}}}}
	var options []kmsg.RequestFormatterOpt
	if clientID != nil {
		options = append(options, kmsg.FormatterClientID(*clientID))
	}
	return kmsg.NewRequestFormatter(options...).AppendRequest(nil, fetch, 7)
}

// patient is a consumer of a topic of partitions on two brokers, by turns.
type patient struct {
	*Consumer
	broker  *kfake.Cluster
	seen    *requests
	cluster *cluster.Cluster
}

func newPatient(t *testing.T, partitions int32) *patient {
	t.Helper()
	broker, err := kfake.NewCluster(kfake.NumBrokers(2), kfake.SeedTopics(partitions, "t"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(broker.Close)
	for partition := range partitions {
		move(t, broker, partition, partition%2)
	}
	settings := kafkatest.Settings(broker.ListenAddrs()...)
	settings.ClientRequestTimeout = 10 * time.Minute // franz-go ends a fetch whose answer does not come in time
	p := &patient{broker: broker, seen: watchRequests(broker), cluster: clustertest.ConnectWith(t, settings, nil)}
	p.Consumer = joinPatiently(t, p.cluster, "c", &kafkatest.Owner{})
	return p
}

func joinPatiently(t *testing.T, brokers *cluster.Cluster, client proxy.ClientID, owner proxy.Owner) *Consumer {
	t.Helper()
	m := consumersOf(t, brokers)
	m.memory.waits = testWaits()
	c, err := m.Join(Options{
		ClientID: client, GroupID: "g", Topic: topicOf(t, brokers, "t"), Reset: ResetEarliest, SessionTimeout: 10 * time.Second, Owner: owner,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close(kafkatest.Deadline(t), true) })
	return c
}

func move(t *testing.T, broker *kfake.Cluster, partition, to int32) {
	t.Helper()
	if err := broker.MoveTopicPartition("t", partition, to); err != nil {
		t.Fatal(err)
	}
}

// waitLong counts the fetches under way that wait long.
func (f *fetched) waitLong() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.long)
}

// awaitLong waits until fetches wait long at all brokers that lead partitions.
func awaitLong(t *testing.T, c *Consumer, leaders int) {
	t.Helper()
	kafkatest.Await(t, "fetches that wait long", func() bool { return c.fetched.waitLong() == leaders })
}

// awaitFetches waits for some fetches from now on.
func (p *patient) awaitFetches(t *testing.T) {
	t.Helper()
	from := p.seen.count()
	kafkatest.Await(t, "some fetches", func() bool { return len(p.seen.of(kmsg.Fetch, from)) > 8 })
}

func TestAFetchOfAnIdleConsumerWaitsLongAndReturnsARecordAtOnce(t *testing.T) {
	t.Parallel()
	p := newPatient(t, 2)
	awaitLong(t, p.Consumer, 2)
	write(t, p.broker, 1, "a")
	poll(t, p.Consumer, 1)
}

// TestAPartitionThatMovesToAnIdleBrokerIsReadAtOnce has a fetch wait long at the broker to which the partition moves:
// franz-go ends it.
func TestAPartitionThatMovesToAnIdleBrokerIsReadAtOnce(t *testing.T) {
	t.Parallel()
	p := newPatient(t, 4)
	awaitLong(t, p.Consumer, 2)
	move(t, p.broker, 0, 1)
	write(t, p.broker, 0, "a")
	poll(t, p.Consumer, 1)
}

// TestAPartitionThatIsAddedIsReadAtOnce has fetches wait long while the topic grows.
func TestAPartitionThatIsAddedIsReadAtOnce(t *testing.T) {
	t.Parallel()
	p := newPatient(t, 2)
	awaitLong(t, p.Consumer, 2)
	if _, err := p.admin.CreatePartitions(kafkatest.Deadline(t), 2, "t"); err != nil {
		t.Fatal(err)
	}
	p.options.Topic.Refresh() // the watcher would see it some seconds later
	write(t, p.broker, 2, "a")
	write(t, p.broker, 3, "b")
	poll(t, p.Consumer, 2)
}

// TestAPartitionOfAMemberThatLeavesIsReadAtOnce has a consumer take over a partition, which a fetch that waited long would not contain.
func TestAPartitionOfAMemberThatLeavesIsReadAtOnce(t *testing.T) {
	t.Parallel()
	p := newPatient(t, 4)
	awaitLong(t, p.Consumer, 2)
	second := &kafkatest.Owner{}
	other := joinPatiently(t, p.cluster, "d", second)
	go func() { _, _ = other.Poll(kafkatest.Deadline(t), 1, nil, func() {}) }()
	kafkatest.Await(t, "a partition of the second member", func() bool { return len(second.Starts()) > 0 })
	p.awaitFetches(t)
	if long := p.fetched.waitLong(); long > 0 {
		t.Errorf("%d fetches wait long, although a rebalance may add a partition", long)
	}
	other.Close(kafkatest.Deadline(t), true)
	for partition := range int32(4) {
		write(t, p.broker, partition, "a")
	}
	poll(t, p.Consumer, 4)
}

// TestAFetchWaitsLongAtKafkaAndReturnsARecordAtOnce checks that Kafka takes the changed fetch.
func TestAFetchWaitsLongAtKafkaAndReturnsARecordAtOnce(t *testing.T) {
	t.Parallel()
	broker := kafka.RequireOwn(t, kafka.Options{}).Addr()
	client, err := kgo.NewClient(kgo.SeedBrokers(broker))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	if _, err := kadm.NewClient(client).CreateTopic(kafkatest.Deadline(t), 2, 1, nil, "t"); err != nil {
		t.Fatal(err)
	}
	c := joinPatiently(t, clustertest.ConnectTo(t, broker), "c", &kafkatest.Owner{})
	awaitLong(t, c, 1)
	if err := client.ProduceSync(kafkatest.Deadline(t), &kgo.Record{Topic: "t", Value: []byte("a")}).FirstErr(); err != nil {
		t.Fatal(err)
	}
	poll(t, c, 1)
}
