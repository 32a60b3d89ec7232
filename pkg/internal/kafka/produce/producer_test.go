package produce

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/cluster"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/kafkatest"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

func TestProduceKeepsEverything(t *testing.T) {
	broker, pool, topic := poolOf(t)
	producer := pool.Open("c", topic)
	ack, err := kafkatest.Produce(t, producer, proxy.Record{
		Partition: 2, HasTimestamp: true, Timestamp: 1554896731782, Key: []byte{}, Value: []byte("v"),
		Headers: []proxy.Header{{Key: "b", Value: nil}, {Key: "a", Value: []byte{}}, {Key: "b", Value: []byte("\xff")}},
	})
	if err != nil || ack != (proxy.Ack{Partition: 2, Offset: 0, Timestamp: 1554896731782}) {
		t.Fatalf("got %+v, %v", ack, err)
	}
	if ack, err = kafkatest.Produce(t, producer, proxy.Record{Partition: 2}); err != nil || ack.Offset != 1 || ack.Timestamp == 0 {
		t.Fatalf("got %+v, %v", ack, err)
	}
	_, client := kafkatest.Admin(t, broker)
	client.AddConsumePartitions(map[string]map[int32]kgo.Offset{"t": {2: kgo.NewOffset().AtStart()}})
	var records []*kgo.Record
	for len(records) < 2 {
		records = append(records, client.PollFetches(kafkatest.Deadline(t)).Records()...)
	}
	first, second := records[0], records[1]
	if first.Key == nil || len(first.Key) != 0 || string(first.Value) != "v" || first.Timestamp.UnixMilli() != 1554896731782 {
		t.Errorf("got %+v", first)
	}
	if h := first.Headers; len(h) != 3 || h[0].Key != "b" || h[0].Value != nil || h[1].Key != "a" || h[1].Value == nil || string(h[2].Value) != "\xff" {
		t.Errorf("got the headers %v", h)
	}
	if second.Key != nil || second.Value != nil || len(second.Headers) != 0 {
		t.Errorf("got %+v", second)
	}
}

func TestProduceErrors(t *testing.T) {
	_, _, topic := poolOf(t)
	for name, test := range map[string]struct {
		err  error
		want proxy.Kind
	}{
		"too large":        {kerr.MessageTooLarge, proxy.KindKafkaUnavailable},
		"list too large":   {kerr.RecordListTooLarge, proxy.KindKafkaUnavailable},
		"timestamp":        {kerr.InvalidTimestamp, proxy.KindKafkaUnavailable},
		"record":           {kerr.InvalidRecord, proxy.KindKafkaUnavailable},
		"no topic":         {kerr.UnknownTopicOrPartition, proxy.KindTopicNotFound},
		"no topic id":      {kerr.UnknownTopicID, proxy.KindTopicNotFound},
		"not authorised":   {kerr.TopicAuthorizationFailed, proxy.KindNotAuthorized},
		"expired":          {context.DeadlineExceeded, proxy.KindTimeout},
		"out of retries":   {kgo.ErrRecordRetries, proxy.KindTimeout},
		"closed":           {kgo.ErrClientClosed, proxy.KindKafkaUnavailable},
		"too few replicas": {kerr.NotEnoughReplicas, proxy.KindKafkaUnavailable},
		"nobody's":         {errors.New("secret"), proxy.KindKafkaUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			b := refusedOf(topic, newLostAnswers(), time.Now())
			e := proxy.AsError(b.refused(causeOf(test.err), test.err))
			if e.Kind != test.want || strings.Contains(e.Message, "secret") || !errors.Is(e, test.err) {
				t.Errorf("got %v", e)
			}
		})
	}
}

// refusedOf returns a record of a topic that arrived at the given time.
func refusedOf(topic *cluster.Topic, lost *lostAnswers, came time.Time) *buffered {
	return &buffered{producer: &Producer{topic: topic}, use: &topicUse{instance: topic.Instance, client: &pooled{lost: lost}}, came: came}
}

// TestRefusedBatch lets the broker refuse a batch once: its records must be sent again, and are written
// then.
func TestRefusedBatch(t *testing.T) {
	broker, pool, topic := poolOf(t)
	producer := pool.Open("c", topic)
	if _, err := kafkatest.Produce(t, producer, kafkatest.Value("before")); err != nil {
		t.Fatal(err)
	}
	var refused atomic.Int32
	broker.ControlKey(int16(kmsg.Produce), func(request kmsg.Request) (kmsg.Response, error, bool) {
		refused.Add(1)
		produce, _ := request.(*kmsg.ProduceRequest)
		return produceAnswer(produce, kerr.MessageTooLarge.Code), nil, true
	})
	_, err := kafkatest.Produce(t, producer, kafkatest.Value("refused"))
	if e := proxy.AsError(err); e.Kind != proxy.KindKafkaUnavailable || !e.Kind.Class().Retriable || refused.Load() != 1 {
		t.Fatalf("got %v", err)
	}
	if _, err := kafkatest.Produce(t, producer, kafkatest.Value("again")); err != nil {
		t.Errorf("the client does not recover: %v", err)
	}
}

// produceAnswer answers every partition of a request with an error code.
func produceAnswer(request *kmsg.ProduceRequest, code int16) kmsg.Response {
	answer := kmsg.NewPtrProduceResponse()
	answer.Version = request.Version
	for _, topic := range request.Topics {
		t := kmsg.NewProduceResponseTopic()
		t.Topic, t.TopicID = topic.Topic, topic.TopicID
		for _, partition := range topic.Partitions {
			p := kmsg.NewProduceResponseTopicPartition()
			p.Partition, p.ErrorCode = partition.Partition, code
			t.Partitions = append(t.Partitions, p)
		}
		answer.Topics = append(answer.Topics, t)
	}
	return answer
}

// TestTopicDeletedWhileProducing checks that each message gets an error, and that a lookup of the topic
// is requested.
func TestTopicDeletedWhileProducing(t *testing.T) {
	broker, pool, topic := poolOf(t)
	producer := pool.Open("c", topic)
	if _, err := kafkatest.Produce(t, producer, kafkatest.Value("before")); err != nil {
		t.Fatal(err)
	}
	adm, _ := kafkatest.Admin(t, broker)
	if _, err := adm.DeleteTopic(kafkatest.Deadline(t), "t"); err != nil {
		t.Fatal(err)
	}
	if _, err := kafkatest.Produce(t, producer, kafkatest.Value("after")); kafkatest.KindOf(err) != proxy.KindTopicNotFound {
		t.Errorf("got %v", err)
	}
}
