package cluster

import (
	"errors"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/kafkatest"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

func isGone(topic *Topic) bool {
	select {
	case <-topic.Gone():
		return true
	default:
		return false
	}
}

func look(t *testing.T, topics *Topics, countMissing bool) {
	t.Helper()
	if err := topics.lookAgain(kafkatest.Deadline(t), countMissing); err != nil {
		t.Fatal(err)
	}
}

// awaitSeen waits until a look at the topic finds what it is to find: franz-go answers from a
// cache for half a second.
func awaitSeen(t *testing.T, topics *Topics, holds func(kadm.TopicDetail) bool) {
	t.Helper()
	kafkatest.Await(t, "fresh metadata", func() bool {
		metadata, err := topics.admin.Metadata(kafkatest.Deadline(t), "t")
		return err == nil && holds(metadata.Topics["t"])
	})
}

func missing(detail kadm.TopicDetail) bool {
	return errors.Is(detail.Err, kerr.UnknownTopicOrPartition)
}

func recreated(detail kadm.TopicDetail) bool { return detail.Err == nil && len(detail.Partitions) == 5 }

func deleteTopic(t *testing.T, adm *kadm.Client) {
	t.Helper()
	if _, err := adm.DeleteTopic(kafkatest.Deadline(t), "t"); err != nil {
		t.Fatal(err)
	}
}

func createTopic(t *testing.T, adm *kadm.Client, partitions int32) {
	t.Helper()
	if _, err := adm.CreateTopic(kafkatest.Deadline(t), partitions, 1, nil, "t"); err != nil {
		t.Fatal(err)
	}
}

func TestOpenTopic(t *testing.T) {
	topics := watch(t, connect(t, kafkatest.Broker(t, "t")))
	if topic := open(t, topics, "t"); topic.Partitions() != 3 || topic.Name != "t" {
		t.Errorf("got %+v", topic)
	}
	for _, name := range []string{"none", "a/b"} {
		if topic, err := topics.Open(kafkatest.Deadline(t), name); kafkatest.KindOf(err) != proxy.KindTopicNotFound {
			t.Errorf("%q: got %v, %v", name, topic, err)
		}
	}
	if names := topics.names(); len(names) != 1 {
		t.Errorf("remembers %q", names)
	}
}

func TestTopicIsForgottenWithItsLastUser(t *testing.T) {
	topics := watch(t, connect(t, kafkatest.Broker(t, "t")))
	first, second := open(t, topics, "t"), open(t, topics, "t")
	first.Close()
	first.Close() // counts once
	if len(topics.names()) != 1 {
		t.Error("forgotten while in use")
	}
	second.Close()
	if len(topics.names()) != 0 {
		t.Error("not forgotten")
	}
}

func TestTopicGoneAtTheSecondMiss(t *testing.T) {
	broker := kafkatest.Broker(t, "t")
	adm, _ := kafkatest.Admin(t, broker)
	topics := watch(t, connect(t, broker))
	topic := open(t, topics, "t")
	deleteTopic(t, adm)
	awaitSeen(t, topics, missing)
	look(t, topics, true)
	if isGone(topic) {
		t.Fatal("gone at the first miss")
	}
	for range 3 {
		look(t, topics, false) // looks on demand do not count
	}
	if isGone(topic) {
		t.Fatal("gone by looks on demand")
	}
	// New users are not taken in, although it is not gone yet.
	if _, err := topics.Open(kafkatest.Deadline(t), "t"); kafkatest.KindOf(err) != proxy.KindTopicNotFound {
		t.Errorf("got %v", err)
	}
	look(t, topics, true)
	if !isGone(topic) {
		t.Fatal("not gone at the second miss")
	}
	topic.Close() // of an entry that is not known anymore
}

func TestTopicIsBackAfterAMiss(t *testing.T) {
	topics := watch(t, connect(t, kafkatest.Broker(t, "t")))
	topic := open(t, topics, "t")
	miss := kadm.TopicDetail{Topic: "t", Err: kerr.UnknownTopicOrPartition}
	topics.update("t", miss, nil, true)
	look(t, topics, true) // finds it
	topics.update("t", miss, nil, true)
	if isGone(topic) {
		t.Error("gone after two misses that were not in a row")
	}
}

func TestOtherErrorsAreNoMiss(t *testing.T) {
	topics := watch(t, connect(t, kafkatest.Broker(t, "t")))
	topic := open(t, topics, "t")
	for range 5 {
		topics.update("t", kadm.TopicDetail{Topic: "t", Err: kerr.LeaderNotAvailable}, nil, true)
		topics.update("t", kadm.TopicDetail{Topic: "t", Err: kerr.TopicAuthorizationFailed}, nil, true)
	}
	if isGone(topic) {
		t.Error("gone")
	}
}

func TestRecreatedTopicIsGone(t *testing.T) {
	t.Run("seen by the watch", func(t *testing.T) {
		broker := kafkatest.Broker(t, "t")
		adm, _ := kafkatest.Admin(t, broker)
		topics := watch(t, connect(t, broker))
		old := open(t, topics, "t")
		deleteTopic(t, adm)
		createTopic(t, adm, 5)
		awaitSeen(t, topics, recreated)
		look(t, topics, false)
		if !isGone(old) {
			t.Error("not gone")
		}
		if now := open(t, topics, "t"); now.Partitions() != 5 || isGone(now) {
			t.Error("the new one is not as it should be")
		}
	})
	t.Run("seen by a new user", func(t *testing.T) {
		broker := kafkatest.Broker(t, "t")
		adm, _ := kafkatest.Admin(t, broker)
		topics := watch(t, connect(t, broker))
		old := open(t, topics, "t")
		deleteTopic(t, adm)
		awaitSeen(t, topics, missing)
		look(t, topics, true)
		createTopic(t, adm, 5)
		awaitSeen(t, topics, recreated)
		now := open(t, topics, "t")
		if !isGone(old) || isGone(now) || now.Partitions() != 5 {
			t.Errorf("old gone: %t, new gone: %t", isGone(old), isGone(now))
		}
	})
}

func TestSettingsAreRefreshed(t *testing.T) {
	broker := kafkatest.Broker(t, "t")
	adm, _ := kafkatest.Admin(t, broker)
	topics := watch(t, connect(t, broker))
	topic := open(t, topics, "t")
	kafkatest.SetTopic(t, adm, "max.message.bytes", "1234")
	if _, err := adm.CreatePartitions(kafkatest.Deadline(t), 2, "t"); err != nil {
		t.Fatal(err)
	}
	awaitSeen(t, topics, recreated) // with five partitions
	topics.Refresh()
	kafkatest.Await(t, "the refresh", func() bool { return topic.Partitions() == 5 })
	if got := topic.entry.settings.Load().maxMessageBytes; got != 1234 {
		t.Errorf("got max.message.bytes %d", got)
	}
	if got := franzBatchBytes(1234); got != 1234+2 {
		t.Errorf("franz-go is told %d", got)
	}
}

// TestSettingsStayKnown keeps what is known where configurations cannot be described now.
func TestSettingsStayKnown(t *testing.T) {
	broker := kafkatest.Broker(t, "t")
	adm, _ := kafkatest.Admin(t, broker)
	kafkatest.SetTopic(t, adm, "max.message.bytes", "1234")
	topics := watch(t, connect(t, broker))
	topic := open(t, topics, "t")
	detail := kadm.TopicDetail{Topic: "t", ID: topic.entry.id, Partitions: kadm.PartitionDetails{0: {}}}
	for name, configs := range map[string]kadm.ResourceConfigs{
		"no answer": nil,
		"refused":   {{Name: "t", Err: kerr.TopicAuthorizationFailed}},
	} {
		topics.update("t", detail, configs, true)
		if got := topic.entry.settings.Load().maxMessageBytes; got != 1234 {
			t.Errorf("%s: got %d", name, got)
		}
	}
}

func TestLookupError(t *testing.T) {
	for name, test := range map[string]struct {
		err  error
		want proxy.Kind
	}{
		"unknown":               {kerr.UnknownTopicOrPartition, proxy.KindTopicNotFound},
		"invalid name":          {kerr.InvalidTopicException, proxy.KindTopicNotFound},
		"not kafkatest.Allowed": {kerr.TopicAuthorizationFailed, proxy.KindNotAuthorized},
		"no leader":             {kerr.LeaderNotAvailable, proxy.KindKafkaUnavailable},
		"anything else":         {errors.New("x"), proxy.KindKafkaUnavailable},
	} {
		if got := kafkatest.KindOf(LookupError(test.err, "t")); got != test.want {
			t.Errorf("%s: got %s", name, got)
		}
	}
}

func TestWatchEnds(t *testing.T) {
	topics := connect(t, kafkatest.Broker(t, "t")).WatchTopics()
	closed := make(chan struct{})
	go func() {
		defer close(closed)
		topics.Close()
	}()
	select {
	case <-closed:
	case <-time.After(kafkatest.Patience):
		t.Fatal("still watching")
	}
}
