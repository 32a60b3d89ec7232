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

// commitAgain is the pause before a commit is retried while the group is between two generations.
const commitAgain = 100 * time.Millisecond

// Commit commits positions, and waits for Kafka's answer. franz-go's own commits wait for the end of a
// rebalance, which a member that is away can delay for its session timeout, while Kafka accepts commits
// until the new generation begins. Commit sends positions with the member id and the generation for
// which they were checked, so that Kafka refuses them if either has changed meanwhile. If Kafka refuses
// a commit because the group is between two generations, Commit retries it, except when partitions were
// lost meanwhile: another member may have committed a higher offset.
//
// The error is of proxy.KindTopicNotFound once the topic has ended: its positions belong to no topic.
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

// topicEnded returns an error once the topic that the connection holds was deleted. Brokers that accept
// commits by name would commit its positions to a topic that was created again under the same name.
func (c *Consumer) topicEnded() error {
	select {
	case <-c.options.Topic.Ended():
		return proxy.Errorf(proxy.KindTopicNotFound, "Topic %q was deleted.", c.options.Topic.Name)
	default:
		return nil
	}
}

// commitRequest contains the topic's id, which Kafka uses from version 10 of the request on, and its
// name for brokers that do not know that version: each broker sees one of the two.
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
