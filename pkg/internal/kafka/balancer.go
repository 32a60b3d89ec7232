package kafka

import (
	"context"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// describeTimeout bounds looking up whether there is anything to balance.
const describeTimeout = 5 * time.Second

// balancer is franz-go's cooperative-sticky, but for one case: a leader of the group that comes
// back as the static member it was. Kafka lets it go on with its old assignment and asks for no
// other (KIP-814). franz-go balances all the same, without knowing what the members own by
// then, and where the result differs asks for a rebalance that nobody needs.
type balancer struct {
	kgo.GroupBalancer
	// assigned tells whether the group's assignments are in force, of which the consumer has
	// one: then there is nothing to balance.
	assigned func() bool
}

func (c *Consumer) balancer() kgo.GroupBalancer {
	return balancer{kgo.CooperativeStickyBalancer(), c.isAssigned}
}

// MemberBalancer implements kgo.GroupBalancer.
func (b balancer) MemberBalancer(members []kmsg.JoinGroupResponseMember) (kgo.GroupMemberBalancer, map[string]struct{}, error) {
	inner, topics, err := b.GroupBalancer.MemberBalancer(members)
	if err != nil {
		return nil, nil, fmt.Errorf("reading what the members of the group want: %w", err)
	}
	failing, ok := inner.(kgo.GroupMemberBalancerOrError)
	if !ok {
		return inner, topics, nil
	}
	return memberBalancer{failing, b.assigned}, topics, nil
}

type memberBalancer struct {
	kgo.GroupMemberBalancerOrError
	assigned func() bool
}

// BalanceOrError implements kgo.GroupMemberBalancerOrError.
func (b memberBalancer) BalanceOrError(topics map[string]int32) (kgo.IntoSyncAssignment, error) {
	if b.assigned() {
		return noPlan{}, nil
	}
	plan, err := b.GroupMemberBalancerOrError.BalanceOrError(topics)
	if err != nil {
		return nil, fmt.Errorf("balancing the group: %w", err)
	}
	return plan, nil
}

// noPlan leaves all assignments as they are.
type noPlan struct{}

// IntoSyncAssignment implements kgo.IntoSyncAssignment.
func (noPlan) IntoSyncAssignment() []kmsg.SyncGroupRequestGroupAssignment { return nil }

// isAssigned asks Kafka. While members wait for the leader's plan the group is not stable.
func (c *Consumer) isAssigned() bool {
	<-c.made
	ctx, cancel := context.WithTimeout(context.Background(), describeTimeout)
	defer cancel()
	_, err := c.owned(ctx, c.member())
	return err == nil
}
