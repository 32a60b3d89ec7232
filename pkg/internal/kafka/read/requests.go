package read

import (
	"context"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/cluster"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

const (
	// Special timestamps of ListOffsets requests: the offsets that they return do not depend on the
	// timestamps of records.
	atStart, atEnd = -2, -1
	// consumerID is the replica id of clients.
	consumerID = -1
	// unknown stands for an offset that is not known, and for an epoch.
	unknown = -1
)

// errNoAnswer means that Kafka left a partition out of an answer.
var errNoAnswer = errors.New("the answer leaves the partition out")

// offsets is what a broker has told of partitions.
type offsets map[int32]int64

// list asks a broker for the offsets of timestamps. The error tells why some are missing.
func (s *Source) list(ctx context.Context, broker *kgo.Broker, timestamp func(partition int32) int64, isolation int8, partitions asked) (offsets, error) {
	topic := kmsg.NewListOffsetsRequestTopic()
	topic.Topic = s.topic.Name
	for p, l := range partitions {
		partition := kmsg.NewListOffsetsRequestTopicPartition()
		partition.Partition, partition.CurrentLeaderEpoch, partition.Timestamp = p, l.epoch, timestamp(p)
		topic.Partitions = append(topic.Partitions, partition)
	}
	request := kmsg.NewPtrListOffsetsRequest()
	request.ReplicaID, request.IsolationLevel = consumerID, isolation
	request.Topics = []kmsg.ListOffsetsRequestTopic{topic}
	response, err := cluster.Ask[*kmsg.ListOffsetsResponse](ctx, broker, request)
	if err != nil {
		return nil, fmt.Errorf("listing offsets: %w", err)
	}
	told, failed := offsets{}, failures{}
	for _, topic := range response.Topics {
		for _, p := range topic.Partitions {
			if !failed.has(p.Partition, p.ErrorCode) {
				told[p.Partition] = p.Offset
			}
		}
	}
	return told, failed.err("listing offsets", told, partitions)
}

// epochEnds asks a broker for the ends of the epochs of places. They are unknown where the place has no epoch, and
// where the broker does not know the epoch.
func (s *Source) epochEnds(ctx context.Context, broker *kgo.Broker, places proxy.Places, partitions asked) (offsets, error) {
	told, failed := offsets{}, failures{}
	topic := kmsg.NewOffsetForLeaderEpochRequestTopic()
	topic.Topic = s.topic.Name
	for p, l := range partitions {
		place, has := places[p]
		if !has || place.Epoch < 0 || isOutdated(l.epoch, place) {
			told[p] = unknown
			continue
		}
		partition := kmsg.NewOffsetForLeaderEpochRequestTopicPartition()
		partition.Partition, partition.CurrentLeaderEpoch, partition.LeaderEpoch = p, l.epoch, place.Epoch
		topic.Partitions = append(topic.Partitions, partition)
	}
	if len(topic.Partitions) == 0 {
		return told, nil
	}
	request := kmsg.NewPtrOffsetForLeaderEpochRequest()
	request.ReplicaID, request.Topics = consumerID, []kmsg.OffsetForLeaderEpochRequestTopic{topic}
	response, err := cluster.Ask[*kmsg.OffsetForLeaderEpochResponse](ctx, broker, request)
	if err != nil {
		return told, fmt.Errorf("looking up the ends of epochs: %w", err)
	}
	for _, topic := range response.Topics {
		for _, p := range topic.Partitions {
			if !failed.has(p.Partition, p.ErrorCode) {
				told[p.Partition] = p.EndOffset
			}
		}
	}
	return told, failed.err("looking up the ends of epochs", told, partitions)
}

// failures are the errors of partitions.
type failures map[int32]error

// has notes the error of a partition, if it has one.
func (f failures) has(partition int32, code int16) bool {
	err := kerr.ErrorForCode(code)
	if err != nil {
		f[partition] = err
	}
	return err != nil
}

// err returns why some partitions were told nothing of.
func (f failures) err(what string, told offsets, partitions asked) error {
	var errs []error
	for p := range partitions {
		if _, is := told[p]; is {
			continue
		}
		err, is := f[p]
		if !is {
			err = errNoAnswer
		}
		errs = append(errs, fmt.Errorf("%s of partition %d: %w", what, p, err))
	}
	return errors.Join(errs...)
}
