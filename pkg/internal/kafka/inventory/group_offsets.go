package inventory

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// GroupOffsets lists a group's committed offsets, by topic and partition.
func (a *Inventory) GroupOffsets(ctx context.Context, id proxy.GroupID) ([]proxy.GroupOffset, error) {
	fetched, err := call(ctx, func(ctx context.Context) (kadm.OffsetResponses, error) {
		return a.admin.FetchOffsets(ctx, string(id))
	})
	if err != nil {
		return nil, groupError(err, id)
	}
	offsets := []proxy.GroupOffset{}
	for topic, partitions := range fetched {
		for partition, o := range partitions {
			if o.Err != nil {
				return nil, groupError(o.Err, id)
			}
			if o.At >= 0 {
				offsets = append(offsets, proxy.GroupOffset{Topic: topic, Partition: partition, Offset: o.At, Metadata: o.Metadata})
			}
		}
	}
	slices.SortFunc(offsets, func(a, b proxy.GroupOffset) int {
		return cmp.Or(cmp.Compare(a.Topic, b.Topic), cmp.Compare(a.Partition, b.Partition))
	})
	return offsets, nil
}

// CommitGroupOffsets sets a group's committed offsets. The error is of proxy.KindGroupActive if the
// group has got members meanwhile, and of proxy.KindTimeout if the result of the change is unknown.
func (a *Inventory) CommitGroupOffsets(ctx context.Context, id proxy.GroupID, offsets []proxy.GroupOffset) error {
	all := make(kadm.Offsets)
	for _, o := range offsets {
		all.Add(kadm.Offset{Topic: o.Topic, Partition: o.Partition, At: o.Offset, LeaderEpoch: -1, Metadata: o.Metadata})
	}
	_, err := call(ctx, func(ctx context.Context) (kadm.OffsetResponses, error) {
		committed, err := a.admin.CommitOffsets(ctx, string(id), all)
		if err == nil {
			err = committed.Error()
		}
		return committed, err
	})
	if err != nil {
		return changeError(err, id)
	}
	return nil
}

// DeleteGroupOffsets removes a group's committed offsets in some partitions. Its errors are those of
// CommitGroupOffsets.
func (a *Inventory) DeleteGroupOffsets(ctx context.Context, id proxy.GroupID, offsets []proxy.GroupOffset) error {
	partitions := make(kadm.TopicsSet)
	for _, o := range offsets {
		partitions.Add(o.Topic, o.Partition)
	}
	deleted, err := call(ctx, func(ctx context.Context) (kadm.DeleteOffsetsResponses, error) {
		return a.admin.DeleteOffsets(ctx, string(id), partitions)
	})
	if err != nil {
		return changeError(err, id)
	}
	var failed error
	deleted.EachError(func(_ string, _ int32, err error) {
		if !errors.Is(err, kerr.UnknownTopicOrPartition) { // otherwise they were deleted with their topic
			failed = changeError(err, id)
		}
	})
	return failed
}

// changeError converts the reason why a group could not be changed into an error for clients.
func changeError(err error, id proxy.GroupID) error {
	if _, answered := errors.AsType[*kerr.Error](err); !answered {
		return proxy.Wrap(err, proxy.KindTimeout, "Kafka takes too long. The offsets of group %q may change yet, or not.", id)
	}
	return groupError(err, id)
}
