package consume

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/cluster"
)

// leaveTimeout bounds the request that leaves a group.
const leaveTimeout = 5 * time.Second

// leaveBy sends a request to leave a group.
type leaveBy func(context.Context, *kmsg.LeaveGroupRequest) (*kmsg.LeaveGroupResponse, error)

// leave removes the consumer from its group: franz-go sends no LeaveGroup request for static members.
// The request names the member id besides the instance id: the instance id alone might be that of a
// successor by now, which Kafka would remove. So a consumer that Kafka has not told its member id yet
// cannot leave, see leaveLater.
func (c *Consumer) leave(ctx context.Context, id string, by leaveBy) error {
	if id == "" {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), leaveTimeout)
	defer cancel()
	answer, err := by(ctx, c.leaveRequest(id))
	if err == nil {
		err = leaveError(answer)
	}
	if err != nil {
		return fmt.Errorf("leaving group %s: %w", c.options.GroupID, err)
	}
	return nil
}

func (c *Consumer) leaveRequest(id string) *kmsg.LeaveGroupRequest {
	member := kmsg.NewLeaveGroupRequestMember()
	member.MemberID, member.InstanceID = id, &c.instance
	member.Reason = new("the client has left")
	request := kmsg.NewPtrLeaveGroupRequest()
	request.Group, request.MemberID = string(c.options.GroupID), id
	request.Members = append(request.Members, member)
	return request
}

// leaveByOwn sends the request through the consumer's own client, after that client's membership has
// ended: it would rejoin otherwise. If brokers do not answer, it waits no longer than ctx lasts.
func (c *Consumer) leaveByOwn(ctx context.Context, request *kmsg.LeaveGroupRequest) (*kmsg.LeaveGroupResponse, error) {
	defer context.AfterFunc(ctx, c.abort)()
	return request.RequestWith(ctx, c.client)
}

// leaveByLookups sends the request through the client that serves lookups, for a consumer whose own
// client had to be ended while it was joining. It addresses the coordinator by its broker id: franz-go
// would otherwise cache the coordinator of each group.
func (c *Consumer) leaveByLookups(ctx context.Context, request *kmsg.LeaveGroupRequest) (*kmsg.LeaveGroupResponse, error) {
	client, err := c.options.Topic.Lookups()
	if err != nil {
		return nil, err
	}
	coordinator, err := cluster.FindCoordinator(ctx, client, c.options.GroupID)
	if err != nil {
		return nil, err
	}
	return cluster.Ask[*kmsg.LeaveGroupResponse](ctx, client.Broker(int(coordinator)), request)
}

// leaveError returns why the member is still in the group. A member that is unknown to the group, or
// that was replaced, has left.
func leaveError(answer *kmsg.LeaveGroupResponse) error {
	codes := []int16{answer.ErrorCode}
	for _, m := range answer.Members {
		codes = append(codes, m.ErrorCode)
	}
	for _, code := range codes {
		err := kerr.ErrorForCode(code)
		if err != nil && !errors.Is(err, kerr.UnknownMemberID) && !errors.Is(err, kerr.FencedInstanceID) {
			return err
		}
	}
	return nil
}
