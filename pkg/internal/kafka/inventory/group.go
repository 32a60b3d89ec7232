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
	g, err := insist(ctx, func(ctx context.Context) (kadm.DescribedGroup, error) {
		described, err := a.admin.DescribeGroups(ctx, id)
		if err != nil {
			return kadm.DescribedGroup{}, err
		}
		return described.On(id, func(g *kadm.DescribedGroup) error { return g.Err })
	})
	group := proxy.Group{Type: proxy.ClassicGroup, Simple: g.ProtocolType == "", State: groupState(g.State), Assignor: g.Protocol}
	switch {
	case err != nil:
		return group, missing(err)
	case group.State == proxy.GroupDead: // before Kafka 4.0 a missing group is no error
		return group, errNoGroup
	case !ofConsumers(g.ProtocolType):
		return group, proxy.Errorf(proxy.KindNotFound, "Group %q is not one of consumers.", id)
	}
	for _, m := range g.Members {
		member := proxy.GroupMember{ID: m.MemberID, Client: proxy.ClientID(m.ClientID), Host: m.ClientHost}
		if assigned, ok := m.Assigned.AsConsumer(); ok {
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
	g, err := insist(ctx, func(ctx context.Context) (kadm.DescribedConsumerGroup, error) {
		described, err := a.admin.DescribeConsumerGroups(ctx, id)
		return described[id], cmp.Or(err, described[id].Err)
	})
	if err != nil {
		return proxy.Group{}, missing(err)
	}
	group := proxy.Group{Type: proxy.ConsumerGroup, State: groupState(g.State), Assignor: g.AssignorName}
	for _, m := range g.Members {
		group.Members = append(group.Members, member(m.MemberID, m.ClientID, m.ClientHost, m.Assignment))
	}
	return group, nil
}

// shareGroup describes a share group, which brokers know from Kafka 4.1 on.
func (a *Inventory) shareGroup(ctx context.Context, id string) (proxy.Group, error) {
	g, err := insist(ctx, func(ctx context.Context) (kadm.DescribedShareGroup, error) {
		described, err := a.admin.DescribeShareGroups(ctx, id)
		return described[id], cmp.Or(err, described[id].Err)
	})
	if err != nil {
		return proxy.Group{}, missing(err)
	}
	group := proxy.Group{Type: proxy.ShareGroup, State: groupState(g.GroupState), Assignor: g.Assignor}
	for _, m := range g.Members {
		group.Members = append(group.Members, member(m.MemberID, m.ClientID, m.ClientHost, m.Assignment))
	}
	return group, nil
}

func member(id, client, host string, assigned kadm.TopicsSet) proxy.GroupMember {
	m := proxy.GroupMember{ID: id, Client: proxy.ClientID(client), Host: host}
	for _, t := range assigned.Sorted() {
		m.Partitions = appendPartitions(m.Partitions, t.Topic, t.Partitions)
	}
	return m
}

func appendPartitions(to []proxy.PartitionID, topic string, partitions []int32) []proxy.PartitionID {
	for _, p := range partitions {
		to = append(to, proxy.PartitionID{Topic: topic, Partition: p})
	}
	return to
}
