package inventory

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// errNoGroup is the error of the broker that would coordinate a group of the given type.
var errNoGroup = errors.New("there is no such group of this type")

// Group describes a consumer group of any type. The error is of proxy.KindNotFound if there is none.
//
// A broker describes a group by the request for its type alone, so that the requests follow one another
// until one is answered.
func (a *Inventory) Group(ctx context.Context, id proxy.GroupID) (proxy.Group, error) {
	for _, describe := range []func(context.Context, string) (proxy.Group, error){a.newGroup, a.classicGroup, a.shareGroup} {
		group, err := describe(ctx, string(id))
		switch {
		case errors.Is(err, errNoGroup):
			continue
		case err != nil:
			return proxy.Group{}, groupError(err, id)
		}
		group.ID = id
		sortMembers(group.Members)
		return group, nil
	}
	return proxy.Group{}, groupError(kerr.GroupIDNotFound, id)
}

func sortMembers(members []proxy.GroupMember) {
	slices.SortFunc(members, func(a, b proxy.GroupMember) int {
		return cmp.Or(cmp.Compare(a.Client, b.Client), cmp.Compare(a.ID, b.ID))
	})
}

// missing converts the errors by which brokers say that a group is not there, or is of another type.
func missing(err error) error {
	if errors.Is(err, kerr.GroupIDNotFound) || errors.Is(err, kerr.UnsupportedVersion) || isUnsupported(err) {
		return errNoGroup
	}
	return err
}

// classicGroup describes a group of the classic protocol. The error is a *proxy.Error if there is one, but not
// of consumers.
func (a *Inventory) classicGroup(ctx context.Context, id string) (proxy.Group, error) {
	request := kmsg.NewPtrDescribeGroupsRequest()
	request.Groups = []string{id}
	described, err := ask(ctx, a.client, id, request, func(d *kmsg.DescribeGroupsResponse) error {
		return sole(len(d.Groups), func() int16 { return d.Groups[0].ErrorCode })
	})
	if err != nil {
		return proxy.Group{}, missing(err)
	}
	g := &described.Groups[0]
	group := proxy.Group{Type: proxy.ClassicGroup, Simple: g.ProtocolType == "", State: groupState(g.State), Assignor: g.Protocol}
	switch {
	case group.State == proxy.GroupDead: // before Kafka 4.0 a missing group is no error
		return group, errNoGroup
	case !ofConsumers(g.ProtocolType):
		return group, proxy.Errorf(proxy.KindNotFound, "Group %q is not one of consumers.", id)
	}
	for i := range g.Members {
		m := &g.Members[i]
		member := proxy.GroupMember{ID: m.MemberID, Client: proxy.ClientID(m.ClientID), Host: m.ClientHost}
		var assigned kmsg.ConsumerMemberAssignment
		if assigned.ReadFrom(m.MemberAssignment) == nil { // a member that waits for its assignment has none
			for _, t := range assigned.Topics {
				member.Partitions = appendPartitions(member.Partitions, t.Topic, t.Partitions)
			}
		}
		group.Members = append(group.Members, member)
	}
	return group, nil
}

// newGroup describes a group of the new protocol, which brokers know from Kafka 3.7 on.
func (a *Inventory) newGroup(ctx context.Context, id string) (proxy.Group, error) {
	request := kmsg.NewPtrConsumerGroupDescribeRequest()
	request.Groups = []string{id}
	described, err := ask(ctx, a.client, id, request, func(d *kmsg.ConsumerGroupDescribeResponse) error {
		return sole(len(d.Groups), func() int16 { return d.Groups[0].ErrorCode })
	})
	if err != nil {
		return proxy.Group{}, missing(err)
	}
	g := &described.Groups[0]
	group := proxy.Group{Type: proxy.ConsumerGroup, State: groupState(g.State), Assignor: g.AssignorName}
	for i := range g.Members {
		m := &g.Members[i]
		member := proxy.GroupMember{ID: m.MemberID, Client: proxy.ClientID(m.ClientID), Host: m.ClientHost}
		for _, t := range m.Assignment.TopicPartitions {
			member.Partitions = appendPartitions(member.Partitions, t.Topic, t.Partitions)
		}
		sortPartitions(member.Partitions)
		group.Members = append(group.Members, member)
	}
	return group, nil
}

// shareGroup describes a share group, which brokers know from Kafka 4.1 on.
func (a *Inventory) shareGroup(ctx context.Context, id string) (proxy.Group, error) {
	request := kmsg.NewPtrShareGroupDescribeRequest()
	request.GroupIDs = []string{id}
	described, err := ask(ctx, a.client, id, request, func(d *kmsg.ShareGroupDescribeResponse) error {
		return sole(len(d.Groups), func() int16 { return d.Groups[0].ErrorCode })
	})
	if err != nil {
		return proxy.Group{}, missing(err)
	}
	g := &described.Groups[0]
	group := proxy.Group{Type: proxy.ShareGroup, State: groupState(g.GroupState), Assignor: g.Assignor}
	for i := range g.Members {
		m := &g.Members[i]
		member := proxy.GroupMember{ID: m.MemberID, Client: proxy.ClientID(m.ClientID), Host: m.ClientHost}
		for _, t := range m.Assignment.TopicPartitions {
			member.Partitions = appendPartitions(member.Partitions, t.Topic, t.Partitions)
		}
		sortPartitions(member.Partitions)
		group.Members = append(group.Members, member)
	}
	return group, nil
}

var errOtherGroups = errors.New("the answer is about other groups")

// sole returns the error that an answer tells of the group that was asked about, or that it is not about one group.
func sole(groups int, code func() int16) error {
	if groups != 1 {
		return errOtherGroups
	}
	return kerr.ErrorForCode(code())
}

func appendPartitions(to []proxy.PartitionID, topic string, partitions []int32) []proxy.PartitionID {
	for _, p := range partitions {
		to = append(to, proxy.PartitionID{Topic: topic, Partition: p})
	}
	return to
}

func sortPartitions(partitions []proxy.PartitionID) {
	slices.SortFunc(partitions, func(a, b proxy.PartitionID) int {
		return cmp.Or(cmp.Compare(a.Topic, b.Topic), cmp.Compare(a.Partition, b.Partition))
	})
}
