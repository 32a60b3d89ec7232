package read

import (
	"context"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/cluster"
)

var (
	errOtherInstance = errors.New("Kafka shows another topic of the name")
	errNoLeader      = errors.New("the partition has no leader")
)

// leader is who leads a partition, as Kafka's metadata shows it.
type leader struct {
	broker int32 // -1 if there is none
	epoch  int32 // -1 before Kafka 2.1
}

// leaders looks up the leaders of all partitions. It sends a request each time, since franz-go's cache may be old.
// If Kafka shows another instance, the watcher is asked to look, which alone decides that the topic has ended.
func (s *Source) leaders(ctx context.Context, client *kgo.Client) (map[int32]leader, error) {
	answer, err := cluster.AskAny[*kmsg.MetadataResponse](ctx, client, func() kmsg.Request {
		topic := kmsg.NewMetadataRequestTopic()
		topic.Topic = &s.topic.Name
		request := kmsg.NewPtrMetadataRequest()
		request.Topics = []kmsg.MetadataRequestTopic{topic}
		return request
	})
	if err == nil && len(answer.Topics) != 1 {
		err = errors.New("the answer is about other topics")
	}
	if err != nil {
		return nil, fmt.Errorf("looking up the leaders: %w", err)
	}
	topic := &answer.Topics[0]
	if err := kerr.ErrorForCode(topic.ErrorCode); err != nil {
		s.topic.Refresh()
		return nil, fmt.Errorf("looking up the leaders: %w", err)
	}
	if s.isOther(topic.TopicID) {
		s.topic.Refresh()
		return nil, errOtherInstance
	}
	all := make(map[int32]leader, len(topic.Partitions))
	for i := range topic.Partitions {
		p := &topic.Partitions[i]
		all[p.Partition] = leader{p.Leader, p.LeaderEpoch}
	}
	return all, nil
}

// isOther tells whether an id is that of another instance. It is zero where Kafka does not tell it.
func (s *Source) isOther(id [16]byte) bool {
	none := [16]byte{}
	return id != none && s.topic.ID() != none && id != s.topic.ID()
}
