package inventory

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/kafkatest"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

func TestTopicsOfTheCluster(t *testing.T) {
	broker := kafkatest.Broker(t, "u", "t")
	adm, _ := kafkatest.Admin(t, broker)
	if _, err := adm.CreateTopic(kafkatest.Deadline(t), 1, 1, map[string]*string{"kfake.is_internal": new("true")}, "own"); err != nil {
		t.Fatal(err)
	}
	topics, err := connectAdmin(t, broker).ListTopics(kafkatest.Deadline(t))
	if err != nil || len(topics) != 3 {
		t.Fatalf("got %+v, %v", topics, err)
	}
	for i, want := range []string{"own", "t", "u"} {
		if got := topics[i]; got.Name != want || got.Internal != (want == "own") || (len(got.Partitions) == 3) == got.Internal {
			t.Errorf("got %+v", got)
		}
	}
}

func TestTopicOfTheCluster(t *testing.T) {
	broker := kafkatest.Broker(t, "t")
	adm, client := kafkatest.Admin(t, broker)
	for range 3 {
		if err := client.ProduceSync(kafkatest.Deadline(t), &kgo.Record{Topic: "t", Partition: 1, Value: []byte("v")}).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	kafkatest.SetTopic(t, adm, "retention.ms", "1234")
	c := connectAdmin(t, broker)
	topic, _, err := c.Topic(kafkatest.Deadline(t), "t")
	if err != nil || topic.Name != "t" || len(topic.Partitions) != 3 {
		t.Fatalf("got %+v, %v", topic, err)
	}
	for i, ends := range []int64{0, 3, 0} {
		if got := topic.Partitions[i]; got.Partition != int32(i) || got.Leader < 0 || got.Start != 0 || got.End != ends {
			t.Errorf("got %+v", got)
		}
	}
	if s := topic.Settings; s["retention.ms"] != "1234" || s["cleanup.policy"] != "delete" || s["max.message.bytes"] == "" || s["segment.ms"] != "" {
		t.Errorf("got %v", s)
	}
	for _, name := range []string{"none", "a/b", "..", "\xff", ""} {
		if topic, _, err := c.Topic(kafkatest.Deadline(t), name); kafkatest.KindOf(err) != proxy.KindNotFound {
			t.Errorf("%q: got %+v, %v", name, topic, err)
		}
	}
	if topics, err := c.ListTopics(kafkatest.Deadline(t)); err != nil || len(topics) != 1 {
		t.Errorf("the lookups created %+v, %v", topics, err)
	}
}

func TestWhatIsNotKnownOfATopic(t *testing.T) {
	for _, test := range []struct {
		name  string
		fault kfake.Fault
		want  proxy.Kind // 255 if it is described nevertheless
	}{
		{"its settings, which the proxy may not see", kfake.Fault{Keys: []kmsg.Key{kmsg.DescribeConfigs}, Resource: "t", Err: kerr.TopicAuthorizationFailed}, 255},
		{"its settings", kfake.Fault{Keys: []kmsg.Key{kmsg.DescribeConfigs}, Resource: "t", Err: kerr.UnknownServerError}, proxy.KindKafkaUnavailable},
		{"all of it, which the proxy may not see", kfake.Fault{Keys: []kmsg.Key{kmsg.Metadata}, Topic: "t", Err: kerr.TopicAuthorizationFailed}, proxy.KindNotAuthorized},
		{"the offsets of a partition", kfake.Fault{Keys: []kmsg.Key{kmsg.ListOffsets}, Topic: "t", Partitions: []int32{1}, Err: kerr.UnknownServerError}, 255},
	} {
		broker := kafkatest.Broker(t, "t")
		c := connectAdmin(t, broker)
		test.fault.Count = -1
		faults := broker.Fault(test.fault)
		topic, _, err := c.Topic(kafkatest.Deadline(t), "t")
		if kafkatest.KindOf(err) != test.want || faults.Hits() == 0 {
			t.Errorf("%s: got %v after %d faults", test.name, err, faults.Hits())
		}
		if err != nil {
			continue
		}
		unknown := topic.Partitions[1].Start == proxy.Unknown && topic.Partitions[1].End == proxy.Unknown
		if listed := test.fault.Keys[0] == kmsg.ListOffsets; unknown != listed || (len(topic.Settings) > 0) != listed || topic.Settings == nil || topic.Partitions[0].End != 0 {
			t.Errorf("%s: got %+v", test.name, topic)
		}
	}
}

func TestTopicsWithoutKafka(t *testing.T) {
	broker := kafkatest.Broker(t, "t")
	c := connectAdmin(t, broker)
	broker.Close()
	if topics, err := c.ListTopics(kafkatest.Deadline(t)); kafkatest.KindOf(err) != proxy.KindKafkaUnavailable {
		t.Errorf("got %+v, %v", topics, err)
	}
	if topic, _, err := c.Topic(kafkatest.Deadline(t), "t"); kafkatest.KindOf(err) != proxy.KindKafkaUnavailable {
		t.Errorf("got %+v, %v", topic, err)
	}
}
