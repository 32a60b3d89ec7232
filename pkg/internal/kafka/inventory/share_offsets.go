package inventory

import (
	"cmp"
	"context"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// starts returns the start offsets of a share group in any order, with the lags. Kafka tells the lag from 4.2 on
// (KIP-1226), and knows which records after the start are settled. Where it does not tell, all of them count.
func (a *Inventory) starts(ctx context.Context, id string) ([]proxy.GroupOffset, error) {
	request, group := kmsg.NewPtrDescribeShareGroupOffsetsRequest(), kmsg.NewDescribeShareGroupOffsetsRequestGroup()
	group.GroupID = id
	request.Groups = append(request.Groups, group)
	described, err := ask(ctx, a.client, id, request, func(d *kmsg.DescribeShareGroupOffsetsResponse) error {
		return sole(len(d.Groups), func() int16 { return d.Groups[0].ErrorCode })
	})
	if err != nil {
		return nil, err
	}
	offsets := []proxy.GroupOffset{}
	for _, t := range described.Groups[0].Topics {
		for _, p := range t.Partitions {
			if err := kerr.ErrorForCode(p.ErrorCode); err != nil {
				return nil, err
			}
			if p.StartOffset >= 0 { // in the others nothing was settled yet
				offsets = append(offsets, proxy.GroupOffset{Topic: t.Topic, Partition: p.Partition, Offset: p.StartOffset, Lag: p.Lag})
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
	request := kmsg.NewPtrAlterShareGroupOffsetsRequest()
	request.GroupID = id
	for name, partitions := range offsets {
		topic := kmsg.NewAlterShareGroupOffsetsRequestTopic()
		topic.Topic = name
		for p, o := range partitions {
			partition := kmsg.NewAlterShareGroupOffsetsRequestTopicPartition()
			partition.Partition, partition.StartOffset = p, o.At
			topic.Partitions = append(topic.Partitions, partition)
		}
		request.Topics = append(request.Topics, topic)
	}
	_, err := ask(ctx, a.changer, id, request, func(altered *kmsg.AlterShareGroupOffsetsResponse) error {
		err := kerr.ErrorForCode(altered.ErrorCode)
		for _, t := range altered.Topics {
			for _, p := range t.Partitions {
				err = cmp.Or(err, kerr.ErrorForCode(p.ErrorCode))
			}
		}
		return err
	})
	return err
}

func (a *Inventory) deleteStarts(ctx context.Context, id string, partitions kadm.TopicsSet) error {
	request := kmsg.NewPtrDeleteShareGroupOffsetsRequest()
	request.GroupID = id
	for _, name := range partitions.Topics() {
		topic := kmsg.NewDeleteShareGroupOffsetsRequestTopic()
		topic.Topic = name
		request.Topics = append(request.Topics, topic)
	}
	_, err := ask(ctx, a.changer, id, request, func(deleted *kmsg.DeleteShareGroupOffsetsResponse) error {
		errs := []int16{deleted.ErrorCode}
		for _, t := range deleted.Topics {
			errs = append(errs, t.ErrorCode)
		}
		return undeleted(errs)
	})
	return err
}
