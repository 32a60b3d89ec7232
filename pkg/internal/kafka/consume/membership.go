package consume

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"sync"

	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// errOtherMember means that the group knows the consumer by another member id by now.
var errOtherMember = errors.New("the group removed the member meanwhile")

// errLostMeanwhile means that partitions were lost, and maybe assigned again, since their positions were
// checked.
var errLostMeanwhile = errors.New("partitions were lost meanwhile")

// errRebalancing means that it is not decided yet which member owns which partition.
var errRebalancing = errors.New("the group rebalances")

// stableGroup is the state of a group in which all members have their assignments.
const stableGroup = "Stable"

// membership remembers the member id to which partitions were assigned. A member that Kafka has removed
// rejoins with a new id, but franz-go still claims the old partitions, and may keep them without another
// assignment: meanwhile another member may have owned them, and committed higher offsets.
type membership struct {
	mu     sync.Mutex // guards what follows
	claims map[int32]claim
	last   uint64 // number of the last claim
}

// claim records for a partition the member that it was assigned to, and the number of that assignment.
type claim struct {
	member string
	number uint64
}

// assigned notes partitions that were assigned to a member.
func (m *membership) assigned(member string, partitions iter.Seq[int32]) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.claims == nil {
		m.claims = make(map[int32]claim)
	}
	m.last++
	for partition := range partitions {
		m.claims[partition] = claim{member, m.last}
	}
}

// split separates the partitions that were assigned to this member id from those that were assigned to
// an earlier member id.
func (m *membership) split(member string, partitions []int32) (own, stale []int32) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, partition := range partitions {
		if m.claims[partition].member == member {
			own = append(own, partition)
		} else {
			stale = append(stale, partition)
		}
	}
	return own, stale
}

// all returns the partitions that were assigned and not lost.
func (m *membership) all() []int32 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Collect(maps.Keys(m.claims))
}

// numbers returns the numbers of the claims to the partitions of positions, 0 for a partition without a
// claim.
func (m *membership) numbers(positions []proxy.Next) map[int32]uint64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	numbers := make(map[int32]uint64, len(positions))
	for _, p := range positions {
		numbers[p.Partition] = m.claims[p.Partition].number
	}
	return numbers
}

// member returns the member id by which the group knows the consumer now.
func (c *Consumer) member() string {
	member, _ := c.client.GroupMetadata()
	return member
}

// ahead leaves out positions that the member must not commit, or that would take the group back:
// positions of partitions kept from an earlier member id, if the group has assigned them to another
// member or has committed as far or further by now.
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
		if at, ok := committed.Lookup(c.options.Topic.Name, p.Partition); !ok || at.Err != nil || at.At < p.Offset {
			ahead = append(ahead, p)
		}
	}
	stale = slices.DeleteFunc(stale, func(partition int32) bool { return !owned[partition] })
	c.members.kept(member, stale)
	return ahead, nil
}

// owned asks Kafka for the partitions that the group has assigned to a member.
func (c *Consumer) owned(ctx context.Context, member string) (map[int32]bool, error) {
	members, err := c.stableMembers(ctx)
	if err != nil {
		return nil, err
	}
	for i := range members {
		if members[i].MemberID == member {
			return partitionsOf(&members[i], c.options.Topic.Name), nil
		}
	}
	return nil, errOtherMember
}

// stableMembers asks Kafka for the members of the group. It fails while the group is not stable.
func (c *Consumer) stableMembers(ctx context.Context) ([]kadm.DescribedGroupMember, error) {
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
	return group.Members, nil
}

// partitionsOf returns the partitions of a topic that are assigned to a member.
func partitionsOf(member *kadm.DescribedGroupMember, topic string) map[int32]bool {
	partitions := make(map[int32]bool)
	assigned, ok := member.Assigned.AsConsumer()
	if !ok {
		return partitions
	}
	for _, t := range assigned.Topics {
		if t.Topic == topic {
			for _, partition := range t.Partitions {
				partitions[partition] = true
			}
		}
	}
	return partitions
}

// lost notes partitions that the member no longer has, whatever it claims later.
func (m *membership) lost(partitions []int32) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, partition := range partitions {
		delete(m.claims, partition)
	}
}

// kept notes that a member continues with partitions of an earlier member id.
func (m *membership) kept(member string, partitions []int32) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, partition := range partitions {
		m.claims[partition] = claim{member, m.claims[partition].number}
	}
}
