package consume

import (
	"context"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// describeTimeout bounds looking up whether there is anything to balance.
const describeTimeout = 5 * time.Second

// balancer is franz-go's cooperative-sticky, but for members that come back as the static member
// they were. Kafka lets them go on with their old assignment, whatever they want by now.
type balancer struct {
	kgo.GroupBalancer
	// assigned tells whether assignments are in force that leave nothing of the topics out, given
	// with their partition counts. Then there is nothing to balance (KIP-814): franz-go would
	// balance all the same, without knowing what the members own by then, and where the result
	// differs ask for a rebalance that nobody needs.
	assigned func(topics map[string]int32) bool
	topic    string // which the consumer wants
	again    func() // asks for a rebalance
}

func (c *Consumer) balancer() kgo.GroupBalancer {
	return balancer{kgo.CooperativeStickyBalancer(), c.isAssigned, c.options.Topic.Name, c.rebalance}
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

// ParseSyncAssignment implements kgo.GroupBalancer. What a client had of another topic, before it
// came back for this one, goes to others.
func (b balancer) ParseSyncAssignment(assignment []byte) (map[string][]int32, error) {
	assigned, err := b.GroupBalancer.ParseSyncAssignment(assignment)
	if err != nil {
		return nil, fmt.Errorf("reading the assignment: %w", err)
	}
	for topic := range assigned {
		if topic != b.topic {
			delete(assigned, topic)
			b.again()
		}
	}
	return assigned, nil
}

type memberBalancer struct {
	kgo.GroupMemberBalancerOrError
	assigned func(topics map[string]int32) bool
}

// BalanceOrError implements kgo.GroupMemberBalancerOrError.
func (b memberBalancer) BalanceOrError(topics map[string]int32) (kgo.IntoSyncAssignment, error) {
	if b.assigned(topics) {
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

// isAssigned asks Kafka. While members wait for the leader's plan the group is not stable. Where
// it is, and partitions have come up while the leader was away, Kafka would not take a plan: a
// rebalance is asked for.
func (c *Consumer) isAssigned(topics map[string]int32) bool {
	<-c.made
	ctx, cancel := context.WithTimeout(context.Background(), describeTimeout)
	defer cancel()
	members, err := c.stableMembers(ctx)
	if err != nil {
		return false
	}
	for topic, count := range topics {
		assigned := 0
		for i := range members {
			assigned += len(partitionsOf(&members[i], topic))
		}
		if assigned < int(count) {
			c.rebalance()
			return false
		}
	}
	return true
}

// rebalance asks for a rebalance of the group once the present one is through.
func (c *Consumer) rebalance() {
	<-c.made
	c.client.ForceRebalance()
}
