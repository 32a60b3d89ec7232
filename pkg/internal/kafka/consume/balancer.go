package consume

import (
	"context"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// describeTimeout bounds the lookup of whether there is anything to balance.
const describeTimeout = 5 * time.Second

// balancer is franz-go's cooperative-sticky balancer, with changes for members that rejoin as the static
// member that they were before. Kafka lets such a member keep its old assignment, even if it has
// subscribed to another topic since.
type balancer struct {
	kgo.GroupBalancer
	// assigned reports whether the assignments in force cover all partitions of the topics, which are
	// given with their partition counts. Then there is nothing to balance (KIP-814). franz-go would
	// balance nevertheless, without knowing which partitions the members own at that time, and if its
	// result differed, it would request an unnecessary rebalance.
	assigned func(topics map[string]int32) bool
	topic    string // that the consumer reads
	again    func() // requests a rebalance
}

func (c *Consumer) balancer() kgo.GroupBalancer {
	return balancer{kgo.CooperativeStickyBalancer(), c.isAssigned, c.options.Topic.Name, c.rebalance}
}

// MemberBalancer implements kgo.GroupBalancer.
func (b balancer) MemberBalancer(members []kmsg.JoinGroupResponseMember) (kgo.GroupMemberBalancer, map[string]struct{}, error) {
	inner, topics, err := b.GroupBalancer.MemberBalancer(members)
	if err != nil {
		return nil, nil, fmt.Errorf("reading the subscriptions of the group's members: %w", err)
	}
	failing, ok := inner.(kgo.GroupMemberBalancerOrError)
	if !ok {
		return inner, topics, nil
	}
	return memberBalancer{failing, b.assigned}, topics, nil
}

// ParseSyncAssignment implements kgo.GroupBalancer. It drops partitions of another topic, which the
// client was assigned before it rejoined for this topic, and requests a rebalance, so that other members
// get them.
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

// isAssigned asks Kafka for the assignments. While members wait for the leader's plan, the group is not
// stable. If it is stable, and partitions were added while the leader was away, Kafka would not accept a
// plan: isAssigned requests a rebalance.
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

// rebalance requests a rebalance of the group after the current one.
func (c *Consumer) rebalance() {
	<-c.made
	c.client.ForceRebalance()
}
