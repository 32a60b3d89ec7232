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

// GroupOffsets lists a group's committed offsets, or the start offsets of a share group, by topic and
// partition.
func (a *Inventory) GroupOffsets(ctx context.Context, id proxy.GroupID, kind proxy.GroupType) ([]proxy.GroupOffset, error) {
	read := a.committed
	if kind == proxy.ShareGroup {
		read = a.starts
	}
	offsets, err := read(ctx, string(id))
	if err != nil {
		return nil, groupError(err, id)
	}
	slices.SortFunc(offsets, func(a, b proxy.GroupOffset) int {
		return cmp.Or(cmp.Compare(a.Topic, b.Topic), cmp.Compare(a.Partition, b.Partition))
	})
	return offsets, nil
}

// committed returns a group's committed offsets in any order.
func (a *Inventory) committed(ctx context.Context, id string) ([]proxy.GroupOffset, error) {
	fetched, err := insist(ctx, func(ctx context.Context) (kadm.OffsetResponses, error) { return a.admin.FetchOffsets(ctx, id) })
	if err != nil {
		return nil, err
	}
	offsets := []proxy.GroupOffset{}
	for topic, partitions := range fetched {
		for partition, o := range partitions {
			if o.Err != nil {
				return nil, o.Err
			}
			if o.At >= 0 {
				offsets = append(offsets, proxy.GroupOffset{Topic: topic, Partition: partition, Offset: o.At, Metadata: o.Metadata})
			}
		}
	}
	return offsets, nil
}

// CommitGroupOffsets sets a group's offsets. The error is of proxy.KindGroupActive if the group has got
// members meanwhile, and of proxy.KindTimeout if the result of the change is unknown.
func (a *Inventory) CommitGroupOffsets(ctx context.Context, id proxy.GroupID, kind proxy.GroupType, offsets []proxy.GroupOffset) error {
	all := make(kadm.Offsets)
	for _, o := range offsets {
		all.Add(kadm.Offset{Topic: o.Topic, Partition: o.Partition, At: o.Offset, LeaderEpoch: -1, Metadata: o.Metadata})
	}
	change := a.commit
	if kind == proxy.ShareGroup {
		change = a.alterStarts
	}
	return changeError(change(ctx, string(id), all), id)
}

func (a *Inventory) commit(ctx context.Context, id string, offsets kadm.Offsets) error {
	_, err := insist(ctx, func(ctx context.Context) (kadm.OffsetResponses, error) {
		committed, err := a.changes.CommitOffsets(ctx, id, offsets)
		if err == nil {
			err = committed.Error()
		}
		return committed, err
	})
	return err
}

// DeleteGroupOffsets removes a group's offsets in some partitions, and those of a share group in all
// partitions of their topics. Its errors are those of CommitGroupOffsets.
func (a *Inventory) DeleteGroupOffsets(ctx context.Context, id proxy.GroupID, kind proxy.GroupType, offsets []proxy.GroupOffset) error {
	partitions := make(kadm.TopicsSet)
	for _, o := range offsets {
		partitions.Add(o.Topic, o.Partition)
	}
	change := a.uncommit
	if kind == proxy.ShareGroup {
		change = a.deleteStarts
	}
	return changeError(change(ctx, string(id), partitions), id)
}

func (a *Inventory) uncommit(ctx context.Context, id string, partitions kadm.TopicsSet) error {
	deleted, err := insist(ctx, func(ctx context.Context) (kadm.DeleteOffsetsResponses, error) {
		return a.changes.DeleteOffsets(ctx, id, partitions)
	})
	deleted.EachError(func(_ string, _ int32, failed error) {
		if !errors.Is(failed, kerr.UnknownTopicOrPartition) { // otherwise they were deleted with their topic
			err = failed
		}
	})
	return err
}

// DeleteGroup removes a group of any type, with its offsets. The error is of proxy.KindGroupActive if it has
// members, of proxy.KindNotFound if it does not exist, and of proxy.KindTimeout if the result is unknown.
func (a *Inventory) DeleteGroup(ctx context.Context, id proxy.GroupID) error {
	made := 0
	_, err := insist(ctx, func(ctx context.Context) (kadm.DeleteGroupResponse, error) {
		made++
		deleted, err := a.changes.DeleteGroup(ctx, string(id))
		if made > 1 && errors.Is(err, kerr.GroupIDNotFound) { // an attempt without an answer has deleted it
			err = nil
		}
		return deleted, err
	})
	return changeError(err, id)
}
