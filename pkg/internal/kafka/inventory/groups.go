package inventory

import (
	"context"
	"errors"
	"slices"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// The group types of consumers, in the brokers' spelling: of the classic protocol, and of the new one
// (KIP-848). Streams and share groups have other types.
const (
	classicGroup = "classic"
	newGroup     = "consumer"
)

// consumerProtocol is the protocol type of consumers in classic groups. Connect's workers, for example,
// have another one.
const consumerProtocol = "consumer"

// Groups lists the consumer groups by their ids, without members and assignors.
func (a *Inventory) Groups(ctx context.Context) ([]proxy.Group, error) {
	listed, err := a.list(ctx, classicGroup, newGroup)
	if err != nil {
		return nil, proxy.Wrap(err, proxy.KindKafkaUnavailable, "Not all of Kafka's brokers tell their consumer groups now.")
	}
	groups := make([]proxy.Group, 0, len(listed))
	for _, g := range listed.Sorted() {
		if ofConsumers(g.ProtocolType) {
			groups = append(groups, proxy.Group{ID: proxy.GroupID(g.Group), Simple: g.ProtocolType == "", State: groupState(g.State)})
		}
	}
	return groups, nil
}

func (a *Inventory) list(ctx context.Context, types ...string) (kadm.ListedGroups, error) {
	return call(ctx, func(ctx context.Context) (kadm.ListedGroups, error) {
		return a.admin.ListGroupsByType(ctx, types)
	})
}

// ofConsumers reports whether a group belongs to consumers. A group that only has offsets has no
// protocol type.
func ofConsumers(protocolType string) bool {
	return protocolType == consumerProtocol || protocolType == ""
}

// groupState converts the state of a group from the brokers' spelling.
func groupState(written string) proxy.GroupState {
	switch written {
	case "PreparingRebalance":
		return proxy.GroupPreparingRebalance
	case "CompletingRebalance":
		return proxy.GroupCompletingRebalance
	case "Assigning":
		return proxy.GroupAssigning
	case "Reconciling":
		return proxy.GroupReconciling
	case "Stable":
		return proxy.GroupStable
	case "Empty":
		return proxy.GroupEmpty
	case "Dead":
		return proxy.GroupDead
	default:
		return proxy.GroupUnknown
	}
}

// Group describes a consumer group. The error is of proxy.KindNotFound if there is none.
func (a *Inventory) Group(ctx context.Context, id proxy.GroupID) (proxy.Group, error) {
	g, err := call(ctx, func(ctx context.Context) (kadm.DescribedGroup, error) {
		described, err := a.admin.DescribeGroups(ctx, string(id))
		if err != nil {
			return kadm.DescribedGroup{}, err
		}
		return described.On(string(id), func(g *kadm.DescribedGroup) error { return g.Err })
	})
	state := groupState(g.State)
	switch {
	case errors.Is(err, kerr.GroupIDNotFound), err == nil && state == proxy.GroupDead: // before Kafka 4.0 a missing group is no error
		return a.groupOfNewProtocol(ctx, id)
	case err != nil:
		return proxy.Group{}, groupError(err, id)
	case !ofConsumers(g.ProtocolType):
		return proxy.Group{}, proxy.Errorf(proxy.KindNotFound, "Group %q is not one of consumers.", id)
	}
	group := proxy.Group{ID: id, Simple: g.ProtocolType == "", State: state, Assignor: g.Protocol}
	for _, m := range g.Members {
		group.Members = append(group.Members, proxy.ClientID(m.ClientID))
	}
	slices.Sort(group.Members)
	return group, nil
}

// groupOfNewProtocol describes a group of the new protocol. It first lists all of them, since brokers
// before Kafka 3.7 do not know the request that describes one.
func (a *Inventory) groupOfNewProtocol(ctx context.Context, id proxy.GroupID) (proxy.Group, error) {
	listed, err := a.list(ctx, newGroup)
	if err != nil {
		return proxy.Group{}, groupError(err, id)
	}
	if _, ok := listed[string(id)]; !ok {
		return proxy.Group{}, groupError(kerr.GroupIDNotFound, id)
	}
	g, err := call(ctx, func(ctx context.Context) (kadm.DescribedConsumerGroup, error) {
		described, err := a.admin.DescribeConsumerGroups(ctx, string(id))
		if err != nil {
			return kadm.DescribedConsumerGroup{}, err
		}
		return described[string(id)], described[string(id)].Err
	})
	if err != nil {
		return proxy.Group{}, groupError(err, id)
	}
	group := proxy.Group{ID: id, State: groupState(g.State), Assignor: g.AssignorName}
	for _, m := range g.Members {
		group.Members = append(group.Members, proxy.ClientID(m.ClientID))
	}
	slices.Sort(group.Members)
	return group, nil
}

// groupError converts the reason why a lookup or a change of a group failed into an error for clients.
func groupError(err error, id proxy.GroupID) error {
	is := func(reasons ...error) bool {
		return slices.ContainsFunc(reasons, func(reason error) bool { return errors.Is(err, reason) })
	}
	switch {
	case is(kerr.GroupIDNotFound, kerr.InvalidGroupID):
		return proxy.Errorf(proxy.KindNotFound, "There is no consumer group %q.", id)
	case is(kerr.NonEmptyGroup, kerr.GroupSubscribedToTopic, kerr.UnknownMemberID, kerr.IllegalGeneration,
		kerr.RebalanceInProgress, kerr.StaleMemberEpoch, kerr.FencedMemberEpoch):
		return proxy.Wrap(err, proxy.KindGroupActive, "Group %q has members.", id)
	case is(kerr.GroupAuthorizationFailed, kerr.TopicAuthorizationFailed):
		return proxy.Wrap(err, proxy.KindNotAuthorized, "Kafka does not let the proxy do this with group %q.", id)
	case is(kerr.OffsetMetadataTooLarge):
		return proxy.Errorf(proxy.KindInvalidValue, "metadata is longer than the brokers' offset.metadata.max.bytes allows.")
	default:
		return proxy.Wrap(err, proxy.KindKafkaUnavailable, "Kafka cannot tell about group %q now.", id)
	}
}
