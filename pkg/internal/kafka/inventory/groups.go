package inventory

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/cluster"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// consumerProtocol is the protocol type of consumers in classic groups. Connect's workers, for example,
// have another one.
const consumerProtocol = "consumer"

// Groups lists the consumer groups by their ids, without members and assignors. Each broker lists the groups
// that it coordinates: those of the silent ones are missing. If no broker answers, the error is of
// proxy.KindKafkaUnavailable.
func (a *Inventory) Groups(ctx context.Context) (groups []proxy.Group, silent []int32, err error) {
	brokers, err := a.brokerIDs(ctx)
	if err != nil {
		return nil, nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, shareTimeout)
	defer cancel()
	lists, failures := make([][]proxy.Group, len(brokers)), make([]error, len(brokers))
	var all sync.WaitGroup
	for i, id := range brokers {
		all.Go(func() { lists[i], failures[i] = a.groupsOn(ctx, id) })
	}
	all.Wait()
	for i, failure := range failures {
		if failure != nil {
			silent, err = append(silent, brokers[i]), failure
		}
	}
	if len(silent) == len(brokers) {
		return nil, nil, proxy.Wrap(err, proxy.KindKafkaUnavailable, "None of Kafka's brokers tells its consumer groups now.")
	}
	return merge(lists), silent, nil
}

// brokerIDs lists the ids of all brokers, in order.
func (a *Inventory) brokerIDs(ctx context.Context) ([]int32, error) {
	metadata, err := cluster.AskAny[*kmsg.MetadataResponse](ctx, a.client, func() kmsg.Request {
		request := kmsg.NewPtrMetadataRequest()
		request.Topics = []kmsg.MetadataRequestTopic{} // no topics; nil would mean all
		return request
	})
	if err != nil {
		return nil, proxy.Wrap(err, proxy.KindKafkaUnavailable, "No Kafka broker answers.")
	}
	ids := make([]int32, len(metadata.Brokers))
	for i := range metadata.Brokers {
		ids[i] = metadata.Brokers[i].NodeID
	}
	slices.Sort(ids)
	return ids, nil
}

// groupsOn lists the consumer groups of which a broker is the coordinator.
func (a *Inventory) groupsOn(ctx context.Context, broker int32) ([]proxy.Group, error) {
	answer, err := call(ctx, func(ctx context.Context) (*kmsg.ListGroupsResponse, error) {
		// No filter of types: brokers refuse those that they do not know.
		answer, err := a.client.Broker(int(broker)).RetriableRequest(ctx, kmsg.NewPtrListGroupsRequest())
		if err != nil {
			return nil, err
		}
		list, ok := answer.(*kmsg.ListGroupsResponse)
		if !ok {
			return nil, errors.New("the answer is another one than a list of groups")
		}
		return list, kerr.ErrorForCode(list.ErrorCode)
	})
	if err != nil {
		return nil, err
	}
	groups := make([]proxy.Group, 0, len(answer.Groups))
	for _, g := range answer.Groups {
		if group, ok := listedGroup(g); ok {
			groups = append(groups, group)
		}
	}
	return groups, nil
}

// listedGroup converts an entry of a broker's list. It returns false for a group of others than consumers.
func listedGroup(g kmsg.ListGroupsResponseGroup) (proxy.Group, bool) {
	group := proxy.Group{ID: proxy.GroupID(g.Group), Type: proxy.GroupType(g.GroupType), State: groupState(g.GroupState)}
	if group.Type == "" { // of a broker before Kafka 3.8
		group.Type = proxy.ClassicGroup
	}
	switch group.Type {
	case proxy.ConsumerGroup, proxy.ShareGroup:
		return group, true
	case proxy.ClassicGroup:
		group.Simple = g.ProtocolType == ""
		return group, ofConsumers(g.ProtocolType)
	default: // Kafka Streams
		return group, false
	}
}

// ofConsumers reports whether a classic group belongs to consumers. A group that only has offsets has no
// protocol type.
func ofConsumers(protocolType string) bool {
	return protocolType == consumerProtocol || protocolType == ""
}

// merge returns the groups of all brokers by their ids. While the coordination of a group moves, two
// brokers may list it.
func merge(lists [][]proxy.Group) []proxy.Group {
	groups := slices.Concat(lists...)
	slices.SortStableFunc(groups, func(a, b proxy.Group) int { return cmp.Compare(a.ID, b.ID) })
	return slices.CompactFunc(groups, func(a, b proxy.Group) bool { return a.ID == b.ID })
}
