package cluster

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// askGroups asks Kafka which groups a client may use, and notes why not. The error is that Kafka does
// not take the client's login.
//
// Coordinators are looked up here and asked by their id: franz-go remembers the coordinator of each
// group that it ever looked up itself, and clients name groups as they like.
func askGroups(ctx context.Context, client *kgo.Client, groups map[proxy.GroupID]error) error {
	if len(groups) == 0 {
		return nil
	}
	coordinators, err := findCoordinators(ctx, client, groups)
	if err != nil {
		return loginRefusal(err)
	}
	var (
		asking  sync.WaitGroup
		mu      sync.Mutex // guards groups and refused while asking
		refused error
	)
	for node, names := range coordinators {
		asking.Go(func() {
			denied, err := askCoordinator(ctx, client.Broker(int(node)), names)
			mu.Lock()
			defer mu.Unlock()
			maps.Copy(groups, denied)
			refused = errors.Join(refused, loginRefusal(err))
		})
	}
	asking.Wait()
	return refused
}

// loginRefusal leaves out errors that are none.
func loginRefusal(err error) error {
	if isLoginRefusal(err) {
		return err
	}
	return nil
}

// findCoordinators returns the groups of each broker that coordinates any, and notes of the others why
// they may not be used, if that is why they have no coordinator.
func findCoordinators(ctx context.Context, client *kgo.Client, groups map[proxy.GroupID]error) (map[int32][]string, error) {
	request := kmsg.NewPtrFindCoordinatorRequest()
	for group := range groups {
		request.CoordinatorKeys = append(request.CoordinatorKeys, string(group))
	}
	if len(request.CoordinatorKeys) == 1 { // the only one, for brokers that take no more
		request.CoordinatorKey = request.CoordinatorKeys[0]
	}
	answer, err := request.RequestWith(ctx, client)
	if err != nil {
		return nil, err
	}
	coordinators := make(map[int32][]string)
	for i := range answer.Coordinators {
		c := &answer.Coordinators[i]
		if err := kerr.ErrorForCode(c.ErrorCode); err != nil {
			groups[proxy.GroupID(c.Key)] = groupDenial(err)
			continue
		}
		coordinators[c.NodeID] = append(coordinators[c.NodeID], c.Key)
	}
	return coordinators, nil
}

// groupDenial returns an error that says that a group may not be used, and nil for others: Kafka
// judges groups again when they are joined.
func groupDenial(err error) error {
	if errors.Is(err, kerr.GroupAuthorizationFailed) || errors.Is(err, kerr.InvalidGroupID) {
		return err
	}
	return nil
}

// askCoordinator asks for the rights to groups.
func askCoordinator(ctx context.Context, broker *kgo.Broker, groups []string) (map[proxy.GroupID]error, error) {
	denied := make(map[proxy.GroupID]error)
	request := kmsg.NewPtrDescribeGroupsRequest()
	request.Groups, request.IncludeAuthorizedOperations = groups, true
	answer, err := Ask[*kmsg.DescribeGroupsResponse](ctx, broker, request)
	if err != nil {
		return nil, err
	}
	untoldOf := slices.Clone(groups)
	for i := range answer.Groups {
		g := &answer.Groups[i]
		switch err := kerr.ErrorForCode(g.ErrorCode); {
		case groupDenial(err) != nil:
			denied[proxy.GroupID(g.Group)] = err
		case g.AuthorizedOperations == untold:
			continue
		case g.AuthorizedOperations&readBit == 0:
			denied[proxy.GroupID(g.Group)] = kerr.GroupAuthorizationFailed
		}
		untoldOf = slices.DeleteFunc(untoldOf, func(name string) bool { return name == g.Group })
	}
	for _, group := range untoldOf { // of one that does not exist brokers may tell none
		err := heartbeatAsNobody(ctx, broker, group)
		if isLoginRefusal(err) {
			return denied, err
		}
		if err := groupDenial(err); err != nil {
			denied[proxy.GroupID(group)] = err
		}
	}
	return denied, nil
}

// heartbeatAsNobody does what only members of a group may do, as a member that is not there: Kafka looks
// at the rights first.
func heartbeatAsNobody(ctx context.Context, broker *kgo.Broker, group string) error {
	request := kmsg.NewPtrHeartbeatRequest()
	request.Group, request.MemberID = group, "wsproxy-not-a-member"
	answer, err := Ask[*kmsg.HeartbeatResponse](ctx, broker, request)
	if err != nil {
		return err
	}
	return kerr.ErrorForCode(answer.ErrorCode)
}
