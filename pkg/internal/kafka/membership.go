package kafka

import (
	"context"
	"fmt"
	"sync"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

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

// ahead leaves out positions that would take the group back: those of partitions kept from an
// earlier life in which the group is further by now.
func (c *Consumer) ahead(ctx context.Context, positions []proxy.Next) ([]proxy.Next, error) {
	partitions := make([]int32, 0, len(positions))
	for _, p := range positions {
		partitions = append(partitions, p.Partition)
	}
	member := c.member()
	_, stale := c.members.split(member, partitions)
	if len(stale) == 0 {
		return positions, nil
	}
	committed, err := c.admin.FetchOffsets(ctx, string(c.options.GroupID))
	if err != nil {
		return nil, fmt.Errorf("looking up the group's offsets: %w", err)
	}
	ahead := positions[:0:0]
	for _, p := range positions {
		if at, ok := committed.Lookup(c.options.Topic, p.Partition); !ok || at.Err != nil || at.At < p.Offset {
			ahead = append(ahead, p)
		}
	}
	c.members.kept(member, stale)
	return ahead, nil
}

// kept notes that a member goes on with partitions of an earlier life.
func (m *membership) kept(member string, partitions []int32) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, partition := range partitions {
		m.as[partition] = member
	}
}
