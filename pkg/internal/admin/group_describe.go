package admin

import (
	"cmp"
	"context"
	"net/http"
	"slices"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// describedGroup is a group and its members.
type describedGroup struct {
	GroupID           proxy.GroupID    `json:"groupId"`
	Type              proxy.GroupType  `json:"type"`
	IsSimple          bool             `json:"isSimple"`
	State             proxy.GroupState `json:"state"`
	PartitionAssignor string           `json:"partitionAssignor"`
	Members           []proxy.ClientID `json:"members"`
	Partitions        []groupPartition `json:"partitions"`
}

// groupPartition is a partition that a member of a group holds, or in which the group has an offset. What
// there is not, or what Kafka cannot tell now, is null.
type groupPartition struct {
	Topic     string          `json:"topic"`
	Partition int32           `json:"partition"`
	ClientID  *proxy.ClientID `json:"clientId"`
	MemberID  *string         `json:"memberId"`
	Host      *string         `json:"host"`
	Offset    *int64          `json:"offset"`
	EndOffset *int64          `json:"endOffset"`
	Lag       *int64          `json:"lag"`
}

// Describe describes a group.
func (g *Groups) Describe(r *http.Request) (any, error) {
	ctx, cancel := context.WithTimeout(r.Context(), lookupTimeout)
	defer cancel()
	group, err := g.find(ctx, r)
	if err != nil {
		return nil, err
	}
	partitions, silent, err := g.partitions(ctx, &group)
	if err != nil {
		return nil, err
	}
	members := []proxy.ClientID{} // [] in JSON where there are none
	for i := range group.Members {
		members = append(members, group.Members[i].Client)
	}
	return Answer{
		Body:   describedGroup{group.ID, group.Type, group.Simple, group.State, group.Assignor, members, partitions},
		Silent: silent,
	}, nil
}

// partitions lists who holds which partition of a group, and what nobody holds, but the group has an offset
// in. In a share group several members may hold one.
func (g *Groups) partitions(ctx context.Context, group *proxy.Group) (list []groupPartition, silent []int32, err error) {
	offsets, err := g.Kafka.GroupOffsets(ctx, group.ID, group.Type)
	if err != nil {
		return nil, nil, err
	}
	list = holdings(group)
	known := make(map[proxy.PartitionID]proxy.GroupOffset)
	for _, o := range offsets {
		known[proxy.PartitionID{Topic: o.Topic, Partition: o.Partition}] = o
	}
	list = append(list, unheld(list, offsets)...)
	ends, silent := g.Kafka.Ends(ctx, ids(list))
	for i := range list {
		p := &list[i]
		o, ok := known[p.id()]
		p.measure(o, ok, ends.Of(p.id()), group.Type)
	}
	slices.SortFunc(list, compareHoldings)
	return list, silent, nil
}

func holdings(group *proxy.Group) []groupPartition {
	list := []groupPartition{}
	for i := range group.Members {
		m := &group.Members[i]
		for _, p := range m.Partitions {
			list = append(list, groupPartition{Topic: p.Topic, Partition: p.Partition, ClientID: &m.Client, MemberID: &m.ID, Host: &m.Host})
		}
	}
	return list
}

// unheld returns the partitions of offsets that are not in a list.
func unheld(list []groupPartition, offsets []proxy.GroupOffset) (rest []groupPartition) {
	held := make(map[proxy.PartitionID]bool)
	for i := range list {
		held[list[i].id()] = true
	}
	for _, o := range offsets {
		if p := (groupPartition{Topic: o.Topic, Partition: o.Partition}); !held[p.id()] {
			rest = append(rest, p)
		}
	}
	return rest
}

func ids(list []groupPartition) []proxy.PartitionID {
	seen := make(map[proxy.PartitionID]bool)
	var all []proxy.PartitionID
	for i := range list {
		if id := list[i].id(); !seen[id] {
			seen[id] = true
			all = append(all, id)
		}
	}
	return all
}

func (p *groupPartition) id() proxy.PartitionID {
	return proxy.PartitionID{Topic: p.Topic, Partition: p.Partition}
}

// measure sets the offsets and the lag. Kafka counts the lag of share groups, whose records are settled in any
// order.
func (p *groupPartition) measure(o proxy.GroupOffset, hasOffset bool, end int64, kind proxy.GroupType) {
	p.EndOffset = known(end)
	if !hasOffset {
		return
	}
	p.Offset = &o.Offset
	switch {
	case kind == proxy.ShareGroup:
		p.Lag = known(o.Lag)
	case end >= 0:
		p.Lag = known(max(0, end-o.Offset))
	}
}

func compareHoldings(a, b groupPartition) int {
	text := func(s *string) string {
		if s == nil {
			return ""
		}
		return *s
	}
	return cmp.Or(cmp.Compare(a.Topic, b.Topic), cmp.Compare(a.Partition, b.Partition), cmp.Compare(text(a.MemberID), text(b.MemberID)))
}
