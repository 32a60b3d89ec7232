package consume

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/kversion"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/cluster"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

const (
	// offsetCommitByName is the last version of the request that commits which names topics
	// rather than giving their ids.
	offsetCommitByName = 9
	// commitAgain is how long a commit waits for a group that is between two generations.
	commitAgain = 100 * time.Millisecond
)

// commitsByName is what versions of requests a consumer uses.
func commitsByName() *kversion.Versions {
	versions := kversion.Stable()
	versions.SetMaxKeyVersion(int16(kmsg.OffsetCommit), offsetCommitByName)
	return versions
}

// Commit commits positions, and waits for Kafka's answer. franz-go's own commits wait for a
// rebalance to end, which a member that is away can hold up for its session timeout, while
// Kafka takes commits until the new generation begins. They are sent as the member and in the
// generation that they were judged in, so that Kafka refuses what has changed meanwhile. What
// Kafka refuses for being between two generations is sent again, but not when partitions were
// lost by then: somebody else may have committed further.
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
	request := kmsg.NewPtrOffsetCommitRequest()
	request.Group, request.Generation = string(c.options.GroupID), generation
	request.MemberID, request.InstanceID = member, &c.instance
	topic := kmsg.NewOffsetCommitRequestTopic()
	topic.Topic = c.options.Topic.Name
	for _, p := range positions {
		partition := kmsg.NewOffsetCommitRequestTopicPartition()
		partition.Partition, partition.Offset = p.Partition, p.Offset
		topic.Partitions = append(topic.Partitions, partition)
	}
	request.Topics = append(request.Topics, topic)
	answer, err := request.RequestWith(ctx, c.client)
	if err = commitError(answer, err); err == nil {
		c.holding.committed(positions)
	}
	return err
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
