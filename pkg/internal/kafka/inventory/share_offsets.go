package inventory

import (
	"context"
	"errors"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// starts returns the start offsets of a share group in any order, with the lags. Kafka tells the lag from 4.2 on
// (KIP-1226), and knows which records after the start are settled. Where it does not tell, all of them count.
func (a *Inventory) starts(ctx context.Context, id string) ([]proxy.GroupOffset, error) {
	described, err := insist(ctx, func(ctx context.Context) (kadm.DescribedShareGroupOffsets, error) {
		described, err := a.admin.DescribeShareGroupOffsets(ctx, id)
		if err != nil {
			return kadm.DescribedShareGroupOffsets{}, err
		}
		return described[id], described[id].Err
	})
	if err != nil {
		return nil, err
	}
	offsets := []proxy.GroupOffset{}
	for topic, partitions := range described.Offsets {
		for partition, o := range partitions {
			if o.Err != nil {
				return nil, o.Err
			}
			if o.StartOffset >= 0 { // in the others nothing was settled yet
				offsets = append(offsets, proxy.GroupOffset{Topic: topic, Partition: partition, Offset: o.StartOffset, Lag: o.Lag})
			}
		}
	}
	return a.measured(ctx, offsets), nil
}

// measured computes the lags that Kafka has not told, from the ends of the partitions. They stay proxy.Unknown where these are
// not known either.
func (a *Inventory) measured(ctx context.Context, offsets []proxy.GroupOffset) []proxy.GroupOffset {
	var untold []proxy.PartitionID
	for _, o := range offsets {
		if o.Lag < 0 {
			untold = append(untold, proxy.PartitionID{Topic: o.Topic, Partition: o.Partition})
		}
	}
	if untold == nil {
		return offsets
	}
	ends, _ := a.Ends(ctx, untold)
	for i := range offsets {
		o := &offsets[i]
		if end := ends.Of(proxy.PartitionID{Topic: o.Topic, Partition: o.Partition}); o.Lag < 0 && end >= 0 {
			o.Lag = max(0, end-o.Offset)
		}
	}
	return offsets
}

func (a *Inventory) alterStarts(ctx context.Context, id string, offsets kadm.Offsets) error {
	_, err := insist(ctx, func(ctx context.Context) (kadm.AlterShareGroupOffsetsResponses, error) {
		altered, err := a.changes.AlterShareGroupOffsets(ctx, id, offsets)
		if err == nil {
			err = altered.Error()
		}
		return altered, err
	})
	return err
}

func (a *Inventory) deleteStarts(ctx context.Context, id string, partitions kadm.TopicsSet) error {
	deleted, err := insist(ctx, func(ctx context.Context) (kadm.DeleteShareGroupOffsetsResponses, error) {
		return a.changes.DeleteShareGroupOffsets(ctx, id, partitions.Topics()...)
	})
	deleted.EachError(func(_ string, failed error) {
		if !errors.Is(failed, kerr.UnknownTopicOrPartition) { // otherwise they were deleted with their topic
			err = failed
		}
	})
	return err
}
