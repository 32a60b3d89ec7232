package cluster

import (
	"context"
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

// askForCoordinators asks for the coordinators of groups. franz-go asks brokers that look up one group at
// a time (before KIP-699) for each.
func askForCoordinators(ctx context.Context, client *kgo.Client, groups []proxy.GroupID) ([]kmsg.FindCoordinatorResponseCoordinator, error) {
	request := func() *kmsg.FindCoordinatorRequest {
		request := kmsg.NewPtrFindCoordinatorRequest()
		for _, group := range groups {
			request.CoordinatorKeys = append(request.CoordinatorKeys, string(group))
		}
		return request
	}
	if len(groups) != 1 {
		answer, err := request().RequestWith(ctx, client)
		if err != nil {
			return nil, err
		}
		return answer.Coordinators, nil
	}
	answer, err := AskAny[*kmsg.FindCoordinatorResponse](ctx, client, func() kmsg.Request {
		one := request()
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
