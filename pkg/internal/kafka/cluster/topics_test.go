package cluster

import (
	"errors"
	"maps"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/kafkatest"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

func isGone(topic *Topic) bool {
	select {
	case <-topic.Over():
		return true
	default:
		return false
	}
}

// awaitShown waits until Kafka shows the wanted state of the topic.
func awaitShown(t *testing.T, topics *Topics, holds func(sight) bool) {
	t.Helper()
	kafkatest.Await(t, "fresh metadata", func() bool {
		sights, err := look(kafkatest.Deadline(t), topics.client, []string{"t"})
		return err == nil && holds(sights["t"])
	})
}

func missing(s sight) bool { return errors.Is(s.err, kerr.UnknownTopicOrPartition) }

func recreated(s sight) bool { return s.err == nil && s.partitions == 5 }

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
		if topic, err := topics.OpenFor(kafkatest.Deadline(t), Access{Topic: name}); kafkatest.KindOf(err) != proxy.KindTopicNotFound {
			t.Errorf("%q: got %v, %v", name, topic, err)
		}
	}
	if names := namesOf(topics); len(names) != 1 {
		t.Errorf("remembers %q", names)
	}
}

func TestTopicIsForgottenWithItsLastUser(t *testing.T) {
	topics := watch(t, connect(t, kafkatest.Broker(t, "t")))
	first, second := open(t, topics, "t"), open(t, topics, "t")
	first.Close()
	first.Close() // counts once
	if len(namesOf(topics)) != 1 {
		t.Error("forgotten while in use")
	}
	second.Close()
	if len(namesOf(topics)) != 0 {
		t.Error("not forgotten")
	}
}

func TestTopicGoneAtTheSecondMiss(t *testing.T) {
	broker := kafkatest.Broker(t, "t")
	adm, _ := kafkatest.Admin(t, broker)
	topics := watch(t, connect(t, broker))
	topic := open(t, topics, "t")
	deleteTopic(t, adm)
	awaitShown(t, topics, missing)
	topics.look(kafkatest.Deadline(t), true)
	if isGone(topic) {
		t.Fatal("gone at the first miss")
	}
	for range 3 {
		topics.look(kafkatest.Deadline(t), false) // requested lookups do not count
	}
	if isGone(topic) {
		t.Fatal("gone by looks on demand")
	}
	// New users are refused, although the topic is not gone yet.
	if _, err := topics.OpenFor(kafkatest.Deadline(t), Access{Topic: "t"}); kafkatest.KindOf(err) != proxy.KindTopicNotFound {
		t.Errorf("got %v", err)
	}
	topics.look(kafkatest.Deadline(t), true)
	if !isGone(topic) {
		t.Fatal("not gone at the second miss")
	}
	topic.Close() // whose entry was removed already
}

func TestTopicIsBackAfterAMiss(t *testing.T) {
	topics := watch(t, connect(t, kafkatest.Broker(t, "t")))
	topic := open(t, topics, "t")
	miss := sight{err: kerr.UnknownTopicOrPartition}
	nextRound(topics)
	topics.see("t", miss, true)
	topics.look(kafkatest.Deadline(t), true) // finds it
	nextRound(topics)
	topics.see("t", miss, true)
	if isGone(topic) {
		t.Error("gone after two misses that were not in a row")
	}
}

func TestOtherErrorsAreNoMiss(t *testing.T) {
	topics := watch(t, connect(t, kafkatest.Broker(t, "t")))
	topic := open(t, topics, "t")
	for range 5 {
		nextRound(topics)
		topics.see("t", sight{err: kerr.LeaderNotAvailable}, true)
		topics.see("t", sight{err: kerr.TopicAuthorizationFailed}, true)
	}
	if isGone(topic) {
		t.Error("gone")
	}
}

// namesOf returns the topics in use.
func namesOf(topics *Topics) []string {
	topics.mu.Lock()
	defer topics.mu.Unlock()
	return slices.Collect(maps.Keys(topics.used))
}

// nextRound begins a round in which only the lookups of a test are seen.
func nextRound(topics *Topics) {
	topics.mu.Lock()
	defer topics.mu.Unlock()
	topics.round++
}

// TestManyWhoMissATopicInOneRoundMissItOnce uses several identities in one round.
func TestManyWhoMissATopicInOneRoundMissItOnce(t *testing.T) {
	topics := watch(t, connect(t, kafkatest.Broker(t, "t")))
	topic := open(t, topics, "t")
	nextRound(topics)
	for range 5 {
		topics.see("t", sight{err: kerr.UnknownTopicOrPartition}, true)
	}
	if isGone(topic) {
		t.Error("gone after one round")
	}
}

func TestRecreatedTopicHasEnded(t *testing.T) {
	t.Run("seen by the watch", func(t *testing.T) {
		broker := kafkatest.Broker(t, "t")
		adm, _ := kafkatest.Admin(t, broker)
		topics := watch(t, connect(t, broker))
		old := open(t, topics, "t")
		deleteTopic(t, adm)
		createTopic(t, adm, 5)
		awaitShown(t, topics, recreated)
		topics.Refresh()
		kafkatest.Await(t, "the end", func() bool { return isGone(old) })
		if end := old.End(); end.Kind != proxy.KindTopicNotFound || !errors.Is(end, proxy.ErrReplaced) {
			t.Errorf("ended with %v", end)
		}
		if now := open(t, topics, "t"); now.Partitions() != 5 || isGone(now) || now.ID() == old.ID() {
			t.Error("the new one is not as it should be")
		}
	})
	t.Run("seen by a new user", func(t *testing.T) {
		broker := kafkatest.Broker(t, "t")
		adm, _ := kafkatest.Admin(t, broker)
		topics := watch(t, connect(t, broker))
		old := open(t, topics, "t")
		deleteTopic(t, adm)
		createTopic(t, adm, 5)
		awaitShown(t, topics, recreated)
		now := open(t, topics, "t")
		if !isGone(old) || isGone(now) || now.Partitions() != 5 {
			t.Errorf("old gone: %t, new gone: %t", isGone(old), isGone(now))
		}
	})
	t.Run("told by a broker that is behind", func(t *testing.T) {
		topics := watch(t, connect(t, kafkatest.Broker(t, "t")))
		topic := open(t, topics, "t")
		other := sight{id: [16]byte{1}, partitions: 3}
		topics.see("t", other, true)
		topics.look(kafkatest.Deadline(t), true)
		topics.see("t", other, true)
		if isGone(topic) {
			t.Error("ended, although a broker showed it in between")
		}
	})
}

// TestFollowersAreTold checks that followers are notified of growth and of the end, and keep an instance
// in use.
func TestFollowersAreTold(t *testing.T) {
	broker := kafkatest.Broker(t, "t")
	adm, _ := kafkatest.Admin(t, broker)
	topics := watch(t, connect(t, broker))
	topic := open(t, topics, "t")
	var grown, ended atomic.Int32
	stop := topic.Follow(Follower{Grown: func() { grown.Add(1) }, Ended: func() { ended.Add(1) }})
	topic.Close()
	if _, err := adm.CreatePartitions(kafkatest.Deadline(t), 2, "t"); err != nil {
		t.Fatal(err)
	}
	awaitShown(t, topics, recreated) // with five partitions
	topics.Refresh()
	kafkatest.Await(t, "the growth to be told", func() bool { return grown.Load() == 1 })
	deleteTopic(t, adm)
	awaitShown(t, topics, missing)
	topics.look(kafkatest.Deadline(t), true)
	topics.look(kafkatest.Deadline(t), true)
	if ended.Load() != 1 || grown.Load() != 1 {
		t.Errorf("told of %d ends, %d growths", ended.Load(), grown.Load())
	}
	stop()
	topic.Follow(Follower{Ended: func() { ended.Add(1) }})
	if ended.Load() != 2 {
		t.Error("a follower of an ended instance is not notified")
	}
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
	awaitShown(t, topics, recreated) // with five partitions
	topics.Refresh()
	kafkatest.Await(t, "the refresh", func() bool { return topic.Partitions() == 5 })
	if got := topic.settings.Load().maxMessageBytes; got != 1234 {
		t.Errorf("got max.message.bytes %d", got)
	}
	if got := franzBatchBytes(1234); got != 1234+2 {
		t.Errorf("franz-go is told %d", got)
	}
}

// TestSettingsStayKnown checks that known settings are kept while configurations cannot be described.
func TestSettingsStayKnown(t *testing.T) {
	broker := kafkatest.Broker(t, "t")
	adm, _ := kafkatest.Admin(t, broker)
	kafkatest.SetTopic(t, adm, MaxMessageBytes, "1234")
	topics := watch(t, connect(t, broker))
	topic := open(t, topics, "t")
	for name, code := range map[string]int16{"refused": kerr.TopicAuthorizationFailed.Code, "no answer": kerr.UnknownServerError.Code} {
		broker.ControlKey(int16(kmsg.DescribeConfigs), func(r kmsg.Request) (kmsg.Response, error, bool) {
			answer, ok := r.ResponseKind().(*kmsg.DescribeConfigsResponse)
			resource := kmsg.NewDescribeConfigsResponseResource()
			resource.ResourceType, resource.ResourceName, resource.ErrorCode = kmsg.ConfigResourceTypeTopic, "t", code
			answer.Resources = append(answer.Resources, resource)
			return answer, nil, ok
		})
		topics.look(kafkatest.Deadline(t), true)
		if got := topic.settings.Load().maxMessageBytes; got != 1234 {
			t.Errorf("%s: got %d", name, got)
		}
	}
}

func TestLookupError(t *testing.T) {
	for name, test := range map[string]struct {
		err  error
		want proxy.Kind
	}{
		"unknown":       {kerr.UnknownTopicOrPartition, proxy.KindTopicNotFound},
		"invalid name":  {kerr.InvalidTopicException, proxy.KindTopicNotFound},
		"not allowed":   {kerr.TopicAuthorizationFailed, proxy.KindNotAuthorized},
		"no leader":     {kerr.LeaderNotAvailable, proxy.KindKafkaUnavailable},
		"anything else": {errors.New("x"), proxy.KindKafkaUnavailable},
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
