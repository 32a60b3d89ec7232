package kafka

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// errOtherMember tells that the group knows the consumer as another member by now.
var errOtherMember = errors.New("the group gave the member up meanwhile")

// errRebalancing tells that it is not decided who owns what.
var errRebalancing = errors.New("the group rebalances")

// stableGroup is the state of a group in which all members have their assignments.
const stableGroup = "Stable"

// membership remembers as which member of the group partitions were assigned. A member that
// Kafka has given up comes back as a new one, but franz-go still claims what it had, and may
// keep it without another assignment: meanwhile somebody else may have owned it, and
// committed further.
type membership struct {
	mu sync.Mutex
	as map[int32]string // guarded by mu
}

// assigned notes partitions that were assigned to a member.
func (m *membership) assigned(member string, starts map[int32]int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.as == nil {
		m.as = make(map[int32]string)
	}
	for partition := range starts {
		m.as[partition] = member
	}
}

// split tells the partitions that the member has had all along from those that it claims from
// an earlier life.
func (m *membership) split(member string, partitions []int32) (own, stale []int32) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, partition := range partitions {
		if m.as[partition] == member {
			own = append(own, partition)
		} else {
			stale = append(stale, partition)
		}
	}
	return own, stale
}

// member returns the member id that the group knows the consumer by now.
func (c *Consumer) member() string {
	member, _ := c.client.GroupMetadata()
	return member
}

// ahead leaves out positions that are not for the member to commit, or that would take the
// group back: those of partitions kept from an earlier life, where the group has given them to
// somebody else or is further by now.
func (c *Consumer) ahead(ctx context.Context, member string, positions []proxy.Next) ([]proxy.Next, error) {
	partitions := make([]int32, 0, len(positions))
	for _, p := range positions {
		partitions = append(partitions, p.Partition)
	}
	_, stale := c.members.split(member, partitions)
	if len(stale) == 0 {
		return positions, nil
	}
	owned, err := c.owned(ctx, member)
	if err != nil {
		return nil, err
	}
	committed, err := c.admin.FetchOffsets(ctx, string(c.options.GroupID))
	if err != nil {
		return nil, fmt.Errorf("looking up the group's offsets: %w", err)
	}
	ahead := positions[:0:0]
	for _, p := range positions {
		if !owned[p.Partition] && slices.Contains(stale, p.Partition) {
			continue
		}
		if at, ok := committed.Lookup(c.options.Topic, p.Partition); !ok || at.Err != nil || at.At < p.Offset {
			ahead = append(ahead, p)
		}
	}
	stale = slices.DeleteFunc(stale, func(partition int32) bool { return !owned[partition] })
	c.members.kept(member, stale)
	return ahead, nil
}

// owned asks Kafka for the partitions that the group has given to a member.
func (c *Consumer) owned(ctx context.Context, member string) (map[int32]bool, error) {
	groups, err := c.admin.DescribeGroups(ctx, string(c.options.GroupID))
	if err != nil {
		return nil, fmt.Errorf("looking up the group's members: %w", err)
	}
	group := groups[string(c.options.GroupID)]
	if group.Err != nil {
		return nil, fmt.Errorf("looking up the group's members: %w", group.Err)
	}
	if group.State != stableGroup {
		return nil, errRebalancing
	}
	for _, m := range group.Members {
		if assigned, ok := m.Assigned.AsConsumer(); ok && m.MemberID == member {
			return partitionsOf(assigned, c.options.Topic), nil
		}
	}
	return nil, errOtherMember
}

func partitionsOf(assigned *kmsg.ConsumerMemberAssignment, topic string) map[int32]bool {
	partitions := make(map[int32]bool)
	for _, t := range assigned.Topics {
		if t.Topic == topic {
			for _, partition := range t.Partitions {
				partitions[partition] = true
			}
		}
	}
	return partitions
}

// lost notes partitions that the member has no more, whatever it claims later.
func (m *membership) lost(partitions []int32) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, partition := range partitions {
		delete(m.as, partition)
	}
}

// kept notes that a member goes on with partitions of an earlier life.
func (m *membership) kept(member string, partitions []int32) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, partition := range partitions {
		m.as[partition] = member
	}
}
