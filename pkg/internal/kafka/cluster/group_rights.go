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

// askGroups asks Kafka which groups a client may use, and stores the errors for those that it may not.
// The returned error means that Kafka refuses the client's login.
//
// It looks up coordinators itself and addresses them by broker id: franz-go caches the coordinator of
// each group that it ever looked up itself, and clients choose the names of groups.
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

// loginRefusal returns err if it is a refused login, else nil.
func loginRefusal(err error) error {
	if isLoginRefusal(err) {
		return err
	}
	return nil
}

// findCoordinators returns, for each broker, the groups that it coordinates. For groups without a
// coordinator it stores the error, if the reason is that the group may not be used.
func findCoordinators(ctx context.Context, client *kgo.Client, groups map[proxy.GroupID]error) (map[int32][]string, error) {
	found, err := askForCoordinators(ctx, client, slices.Collect(maps.Keys(groups)))
	if err != nil {
		return nil, err
	}
	coordinators := make(map[int32][]string)
	for i := range found {
		c := &found[i]
		if err := kerr.ErrorForCode(c.ErrorCode); err != nil {
			groups[proxy.GroupID(c.Key)] = groupDenial(err)
			continue
		}
		coordinators[c.NodeID] = append(coordinators[c.NodeID], c.Key)
	}
	return coordinators, nil
}

// groupDenial returns an error that means that a group may not be used, and nil for others: Kafka checks
// the rights to a group again when it is joined.
func groupDenial(err error) error {
	if errors.Is(err, kerr.GroupAuthorizationFailed) || errors.Is(err, kerr.InvalidGroupID) {
		return err
	}
	return nil
}

// askCoordinator asks a broker for the rights to groups.
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
	for _, group := range untoldOf { // brokers may return none for a group that does not exist
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

// heartbeatAsNobody sends a request that only members of a group may send, as a member that does not
// exist: Kafka checks the rights first.
func heartbeatAsNobody(ctx context.Context, broker *kgo.Broker, group string) error {
	request := kmsg.NewPtrHeartbeatRequest()
	request.Group, request.MemberID = group, "wsproxy-not-a-member"
	answer, err := Ask[*kmsg.HeartbeatResponse](ctx, broker, request)
	if err != nil {
		return err
	}
	return kerr.ErrorForCode(answer.ErrorCode)
}
