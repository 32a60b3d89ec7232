package consume

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/cluster"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// commitAgain is how long a commit waits for a group that is between two generations.
const commitAgain = 100 * time.Millisecond

// Commit commits positions, and waits for Kafka's answer. franz-go's own commits wait for a
// rebalance to end, which a member that is away can hold up for its session timeout, while
// Kafka takes commits until the new generation begins. They are sent as the member and in the
// generation that they were judged in, so that Kafka refuses what has changed meanwhile. What
// Kafka refuses for being between two generations is sent again, but not when partitions were
// lost by then: somebody else may have committed further.
//
// The error is of proxy.KindTopicNotFound once the topic has ended: its positions are nobody's.
func (c *Consumer) Commit(ctx context.Context, positions []proxy.Next) error {
	judged := c.members.numbers(positions)
	for {
		err := c.commitOnce(ctx, positions, judged)
		if !errors.Is(err, kerr.RebalanceInProgress) && !errors.Is(err, kerr.IllegalGeneration) {
			return err
		}
		if cluster.Pause(ctx, commitAgain); ctx.Err() != nil {
			return err
		}
	}
}

func (c *Consumer) commitOnce(ctx context.Context, positions []proxy.Next, judged map[int32]uint64) error {
	member, generation := c.client.GroupMetadata()
	if !maps.Equal(c.members.numbers(positions), judged) {
		return errLostMeanwhile
	}
	positions, err := c.ahead(ctx, member, positions)
	if err != nil || len(positions) == 0 {
		return err
	}
	request := c.commitRequest(positions)
	request.MemberID, request.Generation = member, generation
	if err := c.topicEnded(); err != nil {
		return err
	}
	answer, err := request.RequestWith(ctx, c.client)
	if err = commitError(answer, err); err == nil {
		c.holding.committed(positions)
	}
	if errors.Is(err, kerr.UnknownTopicID) {
		c.options.Topic.Refresh()
	}
	return err
}

// topicEnded returns an error once the topic that the connection holds was deleted. Brokers that take
// commits by name would commit its positions to a topic that was made again.
func (c *Consumer) topicEnded() error {
	select {
	case <-c.options.Topic.Ended():
		return proxy.Errorf(proxy.KindTopicNotFound, "Topic %q was deleted.", c.options.Topic.Name)
	default:
		return nil
	}
}

// commitRequest names the topic by its id, by which Kafka knows it from version 10 of the request on,
// and by its name for brokers that do not know that version: each sees one of the two.
func (c *Consumer) commitRequest(positions []proxy.Next) *kmsg.OffsetCommitRequest {
	request := kmsg.NewPtrOffsetCommitRequest()
	request.Group, request.InstanceID = string(c.options.GroupID), &c.instance
	topic := kmsg.NewOffsetCommitRequestTopic()
	topic.Topic, topic.TopicID = c.options.Topic.Name, c.options.Topic.ID()
	metadata := c.begun.metadata()
	for _, p := range positions {
		partition := kmsg.NewOffsetCommitRequestTopicPartition()
		partition.Partition, partition.Offset, partition.Metadata = p.Partition, p.Offset, metadata
		topic.Partitions = append(topic.Partitions, partition)
	}
	request.Topics = append(request.Topics, topic)
	return request
}

func commitError(answer *kmsg.OffsetCommitResponse, err error) error {
	if err != nil {
		return fmt.Errorf("committing offsets: %w", err)
	}
	for _, topic := range answer.Topics {
		for _, partition := range topic.Partitions {
			if err := kerr.ErrorForCode(partition.ErrorCode); err != nil {
				return fmt.Errorf("committing the offset of partition %d: %w", partition.Partition, err)
			}
		}
	}
	return nil
}
