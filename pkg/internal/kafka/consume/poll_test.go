package consume

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/cluster"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/kafkatest"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/metrics"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// logged is a consumer with a log that a test reads.
type logged struct {
	*Consumer
	text *kafkatest.LockedText
}

func consumeLogged(t *testing.T, broker *kfake.Cluster, reset OffsetReset, o proxy.Owner) logged {
	t.Helper()
	text := new(kafkatest.LockedText)
	c, err := cluster.Connect(kafkatest.Settings(broker.ListenAddrs()...), cluster.Environment{
		Log:     slog.New(slog.NewTextHandler(text, &slog.HandlerOptions{Level: slog.LevelWarn})),
		Metrics: metrics.New(prometheus.NewRegistry(), metrics.Build{}),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	consumer, err := consumersOf(t, c).Join(Options{
		ClientID: "c", GroupID: "g", Topic: topicOf(t, c, "t"), Reset: reset, SessionTimeout: 10 * time.Second, Owner: o,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { consumer.Close(kafkatest.Deadline(t), true) })
	return logged{consumer, text}
}

// reads counts log lines about reading, as opposed to franz-go's own.
func (l logged) reads() int { return strings.Count(l.text.String(), `msg="reading from Kafka`) }

// failFetches lets all fetches fail, and counts them.
func failFetches(broker *kfake.Cluster, failure *kerr.Error) *atomic.Int64 {
	var fetches atomic.Int64
	broker.ControlKey(int16(kmsg.Fetch), func(r kmsg.Request) (kmsg.Response, error, bool) {
		broker.KeepControl()
		fetches.Add(1)
		request, _ := r.(*kmsg.FetchRequest)
		return refuseAll(request, failure), nil, true
	})
	return &fetches
}

// refuseAll answers a fetch with an error for each partition.
func refuseAll(request *kmsg.FetchRequest, failure *kerr.Error) *kmsg.FetchResponse {
	answer, _ := request.ResponseKind().(*kmsg.FetchResponse)
	answer.Version = request.Version
	for _, asked := range request.Topics {
		topic := kmsg.NewFetchResponseTopic()
		topic.Topic, topic.TopicID = asked.Topic, asked.TopicID
		for _, p := range asked.Partitions {
			partition := kmsg.NewFetchResponseTopicPartition()
			partition.Partition, partition.ErrorCode = p.Partition, failure.Code
			topic.Partitions = append(topic.Partitions, partition)
		}
		answer.Topics = append(answer.Topics, topic)
	}
	return answer
}

// wantEnd polls until reading ends, and checks that a log line says so.
func (l logged) wantEnd(t *testing.T, want proxy.Kind) {
	t.Helper()
	if err := l.ended(t, want); l.reads() != 1 {
		t.Errorf("%d lines of log for %v: %s", l.reads(), err, l.text)
	}
}

// ended polls until reading ends.
func (l logged) ended(t *testing.T, want proxy.Kind) error {
	t.Helper()
	for {
		_, err := l.Poll(kafkatest.Deadline(t), 100, nil, func() {})
		if err == nil {
			continue
		}
		if kafkatest.KindOf(err) != want {
			t.Fatalf("got %v", err)
		}
		return err
	}
}

// TestAnErrorThatStaysEndsReading uses an error that franz-go neither retries with a back-off nor
// recovers from.
func TestAnErrorThatStaysEndsReading(t *testing.T) {
	broker := kafkatest.Broker(t, "t")
	write(t, broker, 0, "a")
	fetches := failFetches(broker, kerr.UnknownServerError)
	c := consumeLogged(t, broker, ResetEarliest, &kafkatest.Owner{})
	c.wantEnd(t, proxy.KindKafkaUnavailable)
	if n := fetches.Load(); n > 10 {
		t.Errorf("%d fetches", n)
	}
}

// TestFranzGoFetchesAgainAtOnce shows why errors of fetches are not left to franz-go.
func TestFranzGoFetchesAgainAtOnce(t *testing.T) {
	broker := kafkatest.Broker(t, "t")
	fetches := failFetches(broker, kerr.UnknownServerError)
	c := consume(t, broker, ResetEarliest, &kafkatest.Owner{})
	kafkatest.Await(t, "many fetches", func() bool {
		c.client.PollRecords(kafkatest.Deadline(t), 100)
		c.client.AllowRebalance()
		return fetches.Load() > 100
	})
}

// TestAnErrorThatMayPassIsTriedWithPauses makes a topic unknown to the broker that leads its partitions,
// which franz-go reports from the sixth fetch on.
func TestAnErrorThatMayPassIsTriedWithPauses(t *testing.T) {
	t.Parallel()
	broker := kafkatest.Broker(t, "t")
	fetches := failFetches(broker, kerr.UnknownTopicID)
	c := consumeLogged(t, broker, ResetEarliest, &kafkatest.Owner{})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	over := make(chan error, 1)
	go func() {
		_, err := c.Poll(ctx, 100, nil, func() {})
		over <- err
	}()
	kafkatest.Await(t, "an error to be told", func() bool { return c.reads() > 0 })
	before := fetches.Load()
	kafkatest.Await(t, "some more fetches", func() bool { return fetches.Load() > before+2 })
	cancel()
	if err := <-over; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if n, lines := fetches.Load(), c.reads(); n > 20 || lines > 1 {
		t.Errorf("%d fetches, and %d lines of log: %s", n, lines, c.text)
	}
}

// TestReadingATopicThatWasMadeAgainEnds continues reading while the topic is deleted and created again.
func TestReadingATopicThatWasMadeAgainEnds(t *testing.T) {
	t.Parallel()
	broker := kafkatest.Broker(t, "t")
	write(t, broker, 0, "a")
	c := consumeLogged(t, broker, ResetEarliest, &kafkatest.Owner{})
	poll(t, c.Consumer, 1)
	adm, _ := kafkatest.Admin(t, broker)
	if _, err := adm.DeleteTopic(kafkatest.Deadline(t), "t"); err != nil {
		t.Fatal(err)
	}
	if _, err := adm.CreateTopic(kafkatest.Deadline(t), 3, 1, nil, "t"); err != nil {
		t.Fatal(err)
	}
	write(t, broker, 0, "new")
	if err := c.ended(t, proxy.KindTopicNotFound); !errors.Is(err, proxy.ErrReplaced) {
		t.Errorf("got %v", err)
	}
	if lines := c.reads(); lines > 1 {
		t.Errorf("%d lines of log: %s", lines, c.text)
	}
}

// failOffsets lets franz-go's next lookup of the group's offsets fail for partition 0.
func failOffsets(broker *kfake.Cluster, failure *kerr.Error) {
	broker.ControlKey(int16(kmsg.OffsetFetch), func(r kmsg.Request) (kmsg.Response, error, bool) {
		request, _ := r.(*kmsg.OffsetFetchRequest)
		if len(request.Groups) != 1 || len(request.Groups[0].Topics) == 0 {
			broker.KeepControl()
			return nil, nil, false
		}
		answer, _ := request.ResponseKind().(*kmsg.OffsetFetchResponse)
		answer.Version = request.Version
		group := kmsg.NewOffsetFetchResponseGroup()
		group.Group = request.Groups[0].Group
		for _, asked := range request.Groups[0].Topics {
			topic := kmsg.NewOffsetFetchResponseGroupTopic()
			topic.Topic, topic.TopicID = asked.Topic, asked.TopicID
			for _, p := range asked.Partitions {
				partition := kmsg.NewOffsetFetchResponseGroupTopicPartition()
				partition.Partition, partition.Offset = p, -1
				if p == 0 {
					partition.ErrorCode = failure.Code
				}
				topic.Partitions = append(topic.Partitions, partition)
			}
			group.Topics = append(group.Topics, topic)
		}
		answer.Groups = append(answer.Groups, group)
		return answer, nil, true
	})
}

// TestAPartitionThatFranzGoDropsEndsReading uses a partition without which franz-go continues: franz-go
// reports this once, even if the error is one that passes.
func TestAPartitionThatFranzGoDropsEndsReading(t *testing.T) {
	for name, failure := range map[string]*kerr.Error{"for good": kerr.UnknownServerError, "retriable": kerr.KafkaStorageError} {
		t.Run(name, func(t *testing.T) {
			broker, o := kafkatest.Broker(t, "t"), &kafkatest.Owner{}
			write(t, broker, 1, "b")
			failOffsets(broker, failure)
			c := consumeLogged(t, broker, ResetEarliest, o)
			c.wantEnd(t, proxy.KindKafkaUnavailable)
			if _, owned := o.Starts()[0]; owned {
				t.Error("the partition was assigned")
			}
		})
	}
}

// TestAGroupThatIsFullEndsReading lets a broker refuse the member.
func TestAGroupThatIsFullEndsReading(t *testing.T) {
	for name, failure := range map[string]*kerr.Error{"full": kerr.GroupMaxSizeReached, "session timeout": kerr.InvalidSessionTimeout} {
		t.Run(name, func(t *testing.T) {
			broker := kafkatest.Broker(t, "t")
			broker.ControlKey(int16(kmsg.JoinGroup), func(r kmsg.Request) (kmsg.Response, error, bool) {
				answer, _ := r.ResponseKind().(*kmsg.JoinGroupResponse)
				answer.Version, answer.ErrorCode = r.GetVersion(), failure.Code
				return answer, nil, true
			})
			c := consumeLogged(t, broker, ResetEarliest, &kafkatest.Owner{})
			c.wantEnd(t, proxy.KindKafkaUnavailable)
		})
	}
}

// TestABatchThatExpandsTooFarEndsReading uses zeros: a few compressed kilobytes expand beyond the limit.
func TestABatchThatExpandsTooFarEndsReading(t *testing.T) {
	broker, most := kafkatest.Broker(t, "t"), cluster.DecompressAtMost(0)
	client, err := kgo.NewClient(kgo.SeedBrokers(broker.ListenAddrs()...), kgo.RecordPartitioner(kgo.ManualPartitioner()),
		kgo.ProducerBatchCompression(kgo.ZstdCompression()), kgo.ProducerBatchMaxBytes(int32(most)+1<<20))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	bomb := &kgo.Record{Topic: "t", Value: make([]byte, most+1)}
	if err := client.ProduceSync(kafkatest.Deadline(t), bomb).FirstErr(); err != nil {
		t.Fatal(err)
	}
	c := consumeLogged(t, broker, ResetEarliest, &kafkatest.Owner{})
	err = c.ended(t, proxy.KindKafkaUnavailable)
	if !errors.Is(err, kgo.ErrMaxDecompress) || c.reads() != 1 {
		t.Errorf("got %v, and %d lines of log: %s", err, c.reads(), c.text)
	}
}
