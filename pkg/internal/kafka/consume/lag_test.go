package consume

import (
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/cluster"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/kafkatest"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/kafkatest/clustertest"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/metrics"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
	"github.com/wsproxy/kafka-websocket-proxy/test/kafka"
)

// lagOf returns the metric group_lag of group "g" and topic "t", -1 if there is no series.
func lagOf(t *testing.T, all ...*metrics.Metrics) float64 {
	t.Helper()
	sum, found := 0.0, false
	for _, c := range all {
		for _, lag := range kafkatest.Scrape(t, c, "wsproxy_group_lag{") {
			sum, found = sum+lag, true
		}
	}
	if !found {
		return -1
	}
	return sum
}

func awaitLag(t *testing.T, want float64, all ...*metrics.Metrics) {
	t.Helper()
	kafkatest.Await(t, "the lag", func() bool { return lagOf(t, all...) == want })
}

// lookAtEnds looks up the end offsets, as lags does at each interval.
func lookAtEnds(t *testing.T, l *lags) {
	t.Helper()
	for _, q := range l.questions(true) {
		q.ask(kafkatest.Deadline(t))
	}
}

func TestLagOfAPlace(t *testing.T) {
	for name, test := range map[string]struct {
		place place
		want  int64
		known bool
	}{
		"nothing is known":                  {place{committed: unknown, end: unknown}, 0, false},
		"no end is known":                   {place{committed: 3, end: unknown}, 0, false},
		"no position is known":              {place{committed: unknown, end: 3}, 0, false},
		"nothing was polled":                {place{committed: 3, end: 10}, 7, true},
		"polled is not committed":           {place{committed: 3, polled: 10, passed: 10, end: 10}, 7, true},
		"all is committed":                  {place{committed: 10, polled: 10, passed: 10, end: 10}, 0, true},
		"the end is older than the commit":  {place{committed: 10, polled: 10, passed: 10, end: 8}, 0, true},
		"the end is older than the poll":    {place{committed: 3, polled: 10, passed: 10, end: 5}, 7, true},
		"only a mark is left":               {place{committed: 9, polled: 9, passed: 10, end: 10}, 0, true},
		"a mark behind what is uncommitted": {place{committed: 8, polled: 9, passed: 10, end: 10}, 2, true},
		"records behind a mark":             {place{committed: 9, polled: 9, passed: 10, end: 15}, 5, true},
	} {
		t.Run(name, func(t *testing.T) {
			if got, known := test.place.lag(); got != test.want || known != test.known {
				t.Errorf("got %d, %t", got, known)
			}
		})
	}
}

// TestLagGrowsUnderAClientThatTakesNothing polls once: no later fetch returns the new end offset.
func TestLagGrowsUnderAClientThatTakesNothing(t *testing.T) {
	broker := kafkatest.Broker(t, "t")
	write(t, broker, 0, "a", "b", "c")
	write(t, broker, 1, "d")
	commitAs(t, broker, 0, 1)
	consumer := consume(t, broker, ResetEarliest, &kafkatest.Owner{})
	c := consumer.metrics
	awaitLag(t, 3, c)
	poll(t, consumer, 3)
	if got := lagOf(t, c); got != 3 {
		t.Errorf("records that were polled and not committed do not count as lag: %v", got)
	}
	if err := consumer.Commit(kafkatest.Deadline(t), []proxy.Next{{Partition: 0, Offset: 3}, {Partition: 1, Offset: 1}}); err != nil {
		t.Fatal(err)
	}
	if got := lagOf(t, c); got != 0 {
		t.Errorf("after the commit: %v", got)
	}
	write(t, broker, 0, "e", "f")
	lookAtEnds(t, consumer.lags)
	if got := lagOf(t, c); got != 2 {
		t.Errorf("with two records more: %v", got)
	}
	consumer.Close(kafkatest.Deadline(t), true)
	if got := lagOf(t, c); got != -1 {
		t.Errorf("without a reader the lag is %v", got)
	}
}

// TestLagIsCountedWhereAPartitionIsHeld moves partitions from one replica to another.
func TestLagIsCountedWhereAPartitionIsHeld(t *testing.T) {
	broker, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(3, "t"), kfake.GroupMinSessionTimeout(time.Second))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(broker.Close)
	for partition := range int32(3) {
		write(t, broker, partition, "a", "b")
	}
	one, two := clustertest.Connect(t, broker), clustertest.Connect(t, broker)
	join := func(c *cluster.Cluster, client proxy.ClientID) *Consumer {
		consumer, err := consumersOf(t, c).Join(Options{
			ClientID: client, GroupID: "g", Topic: topicOf(t, c, "t"), Reset: ResetEarliest, SessionTimeout: time.Second, Owner: &kafkatest.Owner{},
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { consumer.Close(kafkatest.Deadline(t), true) })
		return consumer
	}
	join(one, "first")
	awaitLag(t, 6, one.Metrics)
	second := join(two, "second")
	kafkatest.Await(t, "both to have some, and the sum to be right", func() bool {
		return lagOf(t, one.Metrics) > 0 && lagOf(t, two.Metrics) > 0 && lagOf(t, one.Metrics, two.Metrics) == 6
	})
	second.Close(kafkatest.Deadline(t), true)
	awaitLag(t, 6, one.Metrics, two.Metrics)
	if got := lagOf(t, two.Metrics); got != -1 {
		t.Errorf("the replica that holds nothing counts %v", got)
	}
}

// TestLagWithoutACommit starts at the current first offset of the log.
func TestLagWithoutACommit(t *testing.T) {
	broker := kafkatest.Broker(t, "t")
	write(t, broker, 0, "a", "b", "c", "d")
	adm, _ := kafkatest.Admin(t, broker)
	offsets := kadm.Offsets{}
	offsets.AddOffset("t", 0, 3, -1)
	if _, err := adm.DeleteRecords(kafkatest.Deadline(t), offsets); err != nil {
		t.Fatal(err)
	}
	awaitLag(t, 1, consume(t, broker, ResetEarliest, &kafkatest.Owner{}).metrics)
}

func TestLagFromTheEndOn(t *testing.T) {
	broker := kafkatest.Broker(t, "t")
	write(t, broker, 0, "a", "b")
	awaitLag(t, 0, consume(t, broker, ResetLatest, &kafkatest.Owner{}).metrics)
}

// inTransaction writes values to partition 0 of "t" in a transaction, which it ends if ends are given.
func inTransaction(t *testing.T, broker *kfake.Cluster, id string, values []string, ends ...kgo.TransactionEndTry) {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(broker.ListenAddrs()...), kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.TransactionalID(id))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	if err := client.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	for _, v := range values {
		if err := client.ProduceSync(kafkatest.Deadline(t), &kgo.Record{Topic: "t", Value: []byte(v)}).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	for _, end := range ends {
		if err := client.EndTransaction(kafkatest.Deadline(t), end); err != nil {
			t.Fatal(err)
		}
	}
}

// TestLagOfTransactions has a group read all that it can of transactions that were committed, aborted,
// or not ended.
func TestLagOfTransactions(t *testing.T) {
	for name, test := range map[string]struct {
		readCommitted bool
		records, next int
	}{
		"read_committed":   {true, 2, 2},
		"read_uncommitted": {false, 6, 8},
	} {
		t.Run(name, func(t *testing.T) {
			broker := kafkatest.Broker(t, "t")
			inTransaction(t, broker, "committed", []string{"a", "b"}, kgo.TryCommit) // offsets 0, 1, and a control record at 2
			inTransaction(t, broker, "aborted", []string{"c", "d", "e"}, kgo.TryAbort)
			inTransaction(t, broker, "open", []string{"f"}) // at offset 7
			c := clustertest.Connect(t, broker)
			consumer, err := consumersOf(t, c).Join(Options{
				ClientID: "c", GroupID: "g", Topic: topicOf(t, c, "t"), Reset: ResetEarliest, SessionTimeout: kafkatest.Patience, Owner: &kafkatest.Owner{}, ReadCommitted: test.readCommitted,
			})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { consumer.Close(kafkatest.Deadline(t), true) })
			poll(t, consumer, test.records)
			if err := consumer.Commit(kafkatest.Deadline(t), []proxy.Next{{Partition: 0, Offset: int64(test.next)}}); err != nil {
				t.Fatal(err)
			}
			go func() { _, _ = consumer.Poll(kafkatest.Deadline(t), 100, nil, func() {}) }() // the control records after it
			awaitLag(t, 0, c.Metrics)
		})
	}
}

// TestEndsAreAskedForOnce counts the lookups.
func TestEndsAreAskedForOnce(t *testing.T) {
	g := kafkatest.FakeGuarded(t)
	c := clustertest.ConnectWith(t, &g.Settings, nil)
	lags, name := consumersOf(t, c).lags, g.MakeTopic(t)
	topics := c.WatchTopics()
	t.Cleanup(topics.Close)
	for _, user := range []string{kafka.Alice, kafka.Bob} {
		g.Allow(t, kafkatest.ACLs(user, kadm.OpRead).Topics(name))
	}
	var consumers []*Consumer
	for _, as := range []proxy.KafkaCredentials{{}, {}, kafkatest.User(kafka.Alice), kafkatest.User(kafka.Alice), kafkatest.User(kafka.Bob)} {
		topic, err := topics.OpenFor(kafkatest.Deadline(t), cluster.Access{Topic: name, Credentials: as})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(topic.Close)
		consumer := &Consumer{log: kafkatest.QuietLog(), options: Options{GroupID: "g", Topic: topic}}
		consumer.holding = lags.begin(consumer)
		consumers = append(consumers, consumer)
	}
	if got := lags.questions(true); len(got) != 0 {
		t.Errorf("%d lookups while no partitions are held", len(got))
	}
	for _, consumer := range consumers {
		consumer.holding.hold(map[int32]int64{0: 0})
	}
	questions := lags.questions(true)
	for who, q := range questions {
		client, err := q.holdings[0].consumer.options.Topic.Lookups()
		if own := who.credentials.IsZero(); err != nil || own != (client == c.Client) {
			t.Errorf("the proxy's client asks for %v, %v", who.credentials, err)
		}
	}
	if len(questions) != 3 {
		t.Errorf("%d questions for three identities", len(questions))
	}
	lookAtEnds(t, lags)
	if got := lags.questions(false); len(got) != 0 {
		t.Errorf("%d lookups while all offsets are known", len(got))
	}
}

// TestLagsAreAskedSideBySide has a broker answer two identities only after both have sent a request.
func TestLagsAreAskedSideBySide(t *testing.T) {
	const mechanism = "PLAIN"
	broker, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, "t"), kfake.EnableSASL(),
		kfake.Superuser(mechanism, kafka.Admin, kafka.Password(kafka.Admin)), kfake.Superuser(mechanism, kafka.Alice, kafka.Password(kafka.Alice)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(broker.Close)
	settings := kafkatest.LoginSettings("SASL_PLAINTEXT", broker.ListenAddrs()[0], kafka.Admin)
	settings.SASLMechanism = mechanism
	c := clustertest.ConnectWith(t, &settings, nil)
	topics := c.WatchTopics()
	t.Cleanup(topics.Close)
	lags := newLags(c)
	lags.close()
	consumers := make(map[string]*Consumer)
	for name, as := range map[string]proxy.KafkaCredentials{"the proxy": {}, "a client": kafkatest.User(kafka.Alice)} {
		topic, err := topics.OpenFor(kafkatest.Deadline(t), cluster.Access{Topic: "t", Credentials: as})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(topic.Close)
		consumer := &Consumer{log: kafkatest.QuietLog(), options: Options{GroupID: "g", Topic: topic}}
		consumer.holding = lags.begin(consumer)
		consumer.holding.hold(map[int32]int64{0: 0})
		consumers[name] = consumer
	}
	var asked sync.WaitGroup
	asked.Add(len(consumers))
	broker.ControlKey(int16(kmsg.ListOffsets), func(kmsg.Request) (kmsg.Response, error, bool) {
		broker.KeepControl()
		broker.SleepControl(func() {
			asked.Done()
			asked.Wait()
		})
		return nil, nil, false
	})
	lags.ask(kafkatest.Deadline(t), true)
	for name, consumer := range consumers {
		if ends, _ := consumer.holding.lacks(); ends {
			t.Errorf("the end offset is not known to %s", name)
		}
	}
}
