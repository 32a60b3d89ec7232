package inventory

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/cluster"
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
	request, group := kmsg.NewPtrOffsetFetchRequest(), kmsg.NewOffsetFetchRequestGroup()
	request.Group, group.Group = id, id // of which brokers before Kafka 3.0 know the first alone
	request.Groups = append(request.Groups, group)
	fetched, err := ask(ctx, a.client, id, request, func(f *kmsg.OffsetFetchResponse) error {
		if f.Version < 8 {
			f.Groups = []kmsg.OffsetFetchResponseGroup{groupOf(f)}
		}
		return sole(len(f.Groups), func() int16 { return f.Groups[0].ErrorCode })
	})
	if err != nil {
		return nil, err
	}
	offsets := []proxy.GroupOffset{}
	for _, t := range fetched.Groups[0].Topics {
		for _, p := range t.Partitions {
			if err := kerr.ErrorForCode(p.ErrorCode); err != nil {
				return nil, err
			}
			if p.Offset < 0 {
				continue
			}
			o := proxy.GroupOffset{Topic: t.Topic, Partition: p.Partition, Offset: p.Offset}
			if p.Metadata != nil {
				o.Metadata = *p.Metadata
			}
			offsets = append(offsets, o)
		}
	}
	return offsets, nil
}

// groupOf converts what an older broker tells of the only group.
func groupOf(f *kmsg.OffsetFetchResponse) kmsg.OffsetFetchResponseGroup {
	group := kmsg.NewOffsetFetchResponseGroup()
	group.ErrorCode = f.ErrorCode
	for _, t := range f.Topics {
		topic := kmsg.NewOffsetFetchResponseGroupTopic()
		topic.Topic = t.Topic
		for _, p := range t.Partitions {
			partition := kmsg.NewOffsetFetchResponseGroupTopicPartition()
			partition.Partition, partition.Offset, partition.Metadata, partition.ErrorCode = p.Partition, p.Offset, p.Metadata, p.ErrorCode
			topic.Partitions = append(topic.Partitions, partition)
		}
		group.Topics = append(group.Topics, topic)
	}
	return group
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
	request := kmsg.NewPtrOffsetDeleteRequest()
	request.Group = id
	for _, t := range partitions.Sorted() {
		topic := kmsg.NewOffsetDeleteRequestTopic()
		topic.Topic = t.Topic
		for _, p := range t.Partitions {
			partition := kmsg.NewOffsetDeleteRequestTopicPartition()
			partition.Partition = p
			topic.Partitions = append(topic.Partitions, partition)
		}
		request.Topics = append(request.Topics, topic)
	}
	_, err := ask(ctx, a.changer, id, request, func(d *kmsg.OffsetDeleteResponse) error {
		errs := []int16{d.ErrorCode}
		for _, t := range d.Topics {
			for _, p := range t.Partitions {
				errs = append(errs, p.ErrorCode)
			}
		}
		return undeleted(errs)
	})
	return err
}

// undeleted returns the first error of deleted offsets. Those of a topic that does not exist were deleted with it.
func undeleted(codes []int16) error {
	for _, code := range codes {
		if err := kerr.ErrorForCode(code); err != nil && !errors.Is(err, kerr.UnknownTopicOrPartition) {
			return err
		}
	}
	return nil
}

// DeleteGroup removes a group of any type, with its offsets. The error is of proxy.KindGroupActive if it has
// members, of proxy.KindNotFound if it does not exist, and of proxy.KindTimeout if the result is unknown.
func (a *Inventory) DeleteGroup(ctx context.Context, id proxy.GroupID) error {
	made := 0
	request := kmsg.NewPtrDeleteGroupsRequest()
	request.Groups = []string{string(id)}
	_, err := insist(ctx, func(ctx context.Context) (*kmsg.DeleteGroupsResponse, error) {
		made++
		deleted, err := cluster.AskCoordinator[*kmsg.DeleteGroupsResponse](ctx, a.changer, id, request)
		if err == nil {
			err = sole(len(deleted.Groups), func() int16 { return deleted.Groups[0].ErrorCode })
		}
		if made > 1 && errors.Is(err, kerr.GroupIDNotFound) { // an attempt without an answer has deleted it
			err = nil
		}
		return deleted, err
	})
	return changeError(err, id)
}
