package cluster

import (
	"context"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// FindCoordinator returns the id of the broker that coordinates a group.
func FindCoordinator(ctx context.Context, client *kgo.Client, group proxy.GroupID) (int32, error) {
	found, err := askForCoordinators(ctx, client, []proxy.GroupID{group})
	if err == nil {
		err = kerr.ErrorForCode(found[0].ErrorCode)
	}
	if err != nil {
		return 0, fmt.Errorf("looking up the group's coordinator: %w", err)
	}
	return found[0].NodeID, nil
}

// AskCoordinator sends a request to the broker that coordinates a group. It looks that up each time: franz-go (1.22.3) remembers the
// coordinator, and for some requests goes on asking one that cannot be dialled, and for others one that answers NOT_COORDINATOR.
func AskCoordinator[A kmsg.Response](ctx context.Context, client *kgo.Client, group proxy.GroupID, request kmsg.Request) (A, error) {
	coordinator, err := FindCoordinator(ctx, client, group)
	if err != nil {
		return *new(A), err
	}
	return Ask[A](ctx, client.Broker(int(coordinator)), request)
}

// FindCoordinators returns the brokers that coordinate groups, with the groups of each. Those without a coordinator are left out; then
// there is an error, too. Brokers are asked for all groups at a time, which they know from Kafka 3.0 on (KIP-699).
func FindCoordinators(ctx context.Context, client *kgo.Client, groups []proxy.GroupID) (coordinators map[int32][]proxy.GroupID, failed error) {
	answer, err := AskAny[*kmsg.FindCoordinatorResponse](ctx, client, func() kmsg.Request { return coordinatorsRequest(groups) })
	if err != nil {
		return nil, fmt.Errorf("looking up the coordinators of groups: %w", err)
	}
	coordinators = make(map[int32][]proxy.GroupID)
	for i := range answer.Coordinators {
		c := &answer.Coordinators[i]
		if err := kerr.ErrorForCode(c.ErrorCode); err != nil {
			failed = errors.Join(failed, fmt.Errorf("looking up the coordinator of %s: %w", c.Key, err))
			continue
		}
		coordinators[c.NodeID] = append(coordinators[c.NodeID], proxy.GroupID(c.Key))
	}
	return coordinators, failed
}

func coordinatorsRequest(groups []proxy.GroupID) *kmsg.FindCoordinatorRequest {
	request := kmsg.NewPtrFindCoordinatorRequest()
	for _, group := range groups {
		request.CoordinatorKeys = append(request.CoordinatorKeys, string(group))
	}
	return request
}

// askForCoordinators asks for the coordinators of groups. franz-go asks brokers that look up one group at
// a time (before KIP-699) for each.
func askForCoordinators(ctx context.Context, client *kgo.Client, groups []proxy.GroupID) ([]kmsg.FindCoordinatorResponseCoordinator, error) {
	if len(groups) != 1 {
		answer, err := coordinatorsRequest(groups).RequestWith(ctx, client)
		if err != nil {
			return nil, err
		}
		return answer.Coordinators, nil
	}
	answer, err := AskAny[*kmsg.FindCoordinatorResponse](ctx, client, func() kmsg.Request {
		one := coordinatorsRequest(groups)
		one.CoordinatorKey = string(groups[0])
		return one
	})
	if err != nil {
		return nil, err
	}
	if len(answer.Coordinators) != 1 { // before KIP-699
		c := kmsg.NewFindCoordinatorResponseCoordinator()
		c.Key, c.NodeID, c.ErrorCode = string(groups[0]), answer.NodeID, answer.ErrorCode
		answer.Coordinators = []kmsg.FindCoordinatorResponseCoordinator{c}
	}
	return answer.Coordinators, nil
}
