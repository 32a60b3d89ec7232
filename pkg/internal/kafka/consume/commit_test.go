package consume

import (
	"errors"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/kafkatest"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

func TestCommit(t *testing.T) {
	broker := kafkatest.Broker(t, "t")
	write(t, broker, 0, "a", "b")
	consumer := consume(t, broker, ResetEarliest, &kafkatest.Owner{})
	poll(t, consumer, 2)
	if err := consumer.Commit(kafkatest.Deadline(t), []proxy.Next{{Partition: 0, Offset: 1}, {Partition: 1, Offset: 0}}); err != nil {
		t.Fatal(err)
	}
	if got := committed(t, broker, 0); got != 1 {
		t.Errorf("committed is %d", got)
	}
	broker.ControlKey(int16(kmsg.OffsetCommit), func(request kmsg.Request) (kmsg.Response, error, bool) {
		commit, _ := request.(*kmsg.OffsetCommitRequest)
		return commitAnswer(commit, 1, kerr.InvalidCommitOffsetSize.Code), nil, true
	})
	err := consumer.Commit(kafkatest.Deadline(t), []proxy.Next{{Partition: 0, Offset: 2}, {Partition: 1, Offset: 0}})
	if !errors.Is(err, kerr.InvalidCommitOffsetSize) || !strings.Contains(err.Error(), "partition 1") {
		t.Errorf("got %v", err)
	}
}

// commitAnswer answers a commit with an error code for one partition, and without for the others.
func commitAnswer(request *kmsg.OffsetCommitRequest, bad int32, code int16) kmsg.Response {
	answer := kmsg.NewPtrOffsetCommitResponse()
	answer.Version = request.Version
	for _, topic := range request.Topics {
		t := kmsg.NewOffsetCommitResponseTopic()
		t.Topic, t.TopicID = topic.Topic, topic.TopicID
		for _, partition := range topic.Partitions {
			p := kmsg.NewOffsetCommitResponseTopicPartition()
			p.Partition = partition.Partition
			if p.Partition == bad {
				p.ErrorCode = code
			}
			t.Partitions = append(t.Partitions, p)
		}
		answer.Topics = append(answer.Topics, t)
	}
	return answer
}
