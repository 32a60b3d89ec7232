package admin

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

const (
	// lookupTimeout bounds the first request to Kafka, so that a client learns within five seconds that
	// no broker answers.
	lookupTimeout = 4 * time.Second
	// internalPrefix begins the names of groups and topics that are internal to Kafka and its tools.
	internalPrefix = "__"
)

// Coordinator reads and changes consumer groups in Kafka.
type Coordinator interface {
	// Groups lists all groups by their ids, without members and assignors, but for those that only the
	// silent brokers know.
	Groups(ctx context.Context) (groups []proxy.Group, silent []int32, err error)
	// Group describes a group. The error is of proxy.KindNotFound where there is none.
	Group(ctx context.Context, id proxy.GroupID) (proxy.Group, error)
	// GroupOffsets lists the offsets of a group, by topic and partition.
	GroupOffsets(ctx context.Context, id proxy.GroupID, kind proxy.GroupType) ([]proxy.GroupOffset, error)
	// CommitGroupOffsets sets offsets of a group. The error is of proxy.KindGroupActive if the
	// group has got members meanwhile.
	CommitGroupOffsets(ctx context.Context, id proxy.GroupID, kind proxy.GroupType, offsets []proxy.GroupOffset) error
	// DeleteGroupOffsets removes offsets of a group. Its errors are those of CommitGroupOffsets.
	DeleteGroupOffsets(ctx context.Context, id proxy.GroupID, kind proxy.GroupType, offsets []proxy.GroupOffset) error
	// DeleteGroup removes a group. Its errors are those of CommitGroupOffsets.
	DeleteGroup(ctx context.Context, id proxy.GroupID) error
	// Ends looks up the end offsets of partitions, but for those that only the silent brokers know.
	Ends(ctx context.Context, partitions []proxy.PartitionID) (ends proxy.Offsets, silent []int32)
	// At looks up the offsets of the first records since a time in ms, as Ends does.
	At(ctx context.Context, partitions []proxy.PartitionID, ms int64) (offsets proxy.Offsets, silent []int32)
}

// Groups are the endpoints for consumer groups. The path's parameters are groupId and topic.
type Groups struct {
	Kafka  Coordinator
	Topics Catalogue
}

// ListedGroups says which groups are listed.
type ListedGroups struct {
	ActiveOnly bool            // only those that have members
	Internal   bool            // also those whose ids begin with __
	Type       proxy.GroupType // only those of this type; empty for all
	After      proxy.GroupID   // only those whose ids are greater
	Limit      int             // at most so many; 0 is no limit
}

func (l *ListedGroups) selects(g *proxy.Group) bool {
	return g.ID > l.After &&
		(!l.ActiveOnly || g.State.Active()) &&
		(l.Internal || !strings.HasPrefix(string(g.ID), internalPrefix)) &&
		(l.Type == "" || g.Type == l.Type)
}

// listedGroup is a group in the list of all.
type listedGroup struct {
	GroupID  proxy.GroupID    `json:"groupId"`
	Type     proxy.GroupType  `json:"type"`
	IsSimple bool             `json:"isSimple"`
	State    proxy.GroupState `json:"state"`
	Members  []proxy.ClientID `json:"members"` // empty: only the description of a group lists them
}

// All lists groups.
func (g *Groups) All(ctx context.Context, which ListedGroups) (any, error) {
	ctx, cancel := context.WithTimeout(ctx, lookupTimeout)
	defer cancel()
	groups, silent, err := g.Kafka.Groups(ctx)
	if err != nil {
		return nil, err
	}
	all := []listedGroup{}
	for i := range groups {
		if group := &groups[i]; which.selects(group) {
			all = append(all, listedGroup{group.ID, group.Type, group.Simple, group.State, []proxy.ClientID{}})
		}
	}
	all, next := page(all, which.Limit, func(g listedGroup) string { return string(g.GroupID) })
	return Answer{Body: all, Next: next, Silent: silent}, nil
}

// Remove removes a group without members, and its offsets.
func (g *Groups) Remove(r *http.Request) (any, error) {
	ctx, cancel := context.WithTimeout(r.Context(), writeTimeout)
	defer cancel()
	group, err := g.idle(ctx, r)
	if err != nil {
		return nil, err
	}
	return none{}, g.Kafka.DeleteGroup(ctx, group.ID)
}

// find describes the group whose id is in the path.
func (g *Groups) find(ctx context.Context, r *http.Request) (proxy.Group, error) {
	id, err := pathID(r, "groupId")
	if err != nil {
		return proxy.Group{}, err
	}
	return g.Kafka.Group(ctx, proxy.GroupID(id))
}

// idle describes the group whose id is in the path if it has no members.
func (g *Groups) idle(ctx context.Context, r *http.Request) (proxy.Group, error) {
	ctx, cancel := context.WithTimeout(ctx, lookupTimeout)
	defer cancel()
	group, err := g.find(ctx, r)
	if err == nil && group.State.Active() {
		return proxy.Group{}, proxy.Errorf(proxy.KindGroupActive, "Group %q has members: it can be changed when they have left.", group.ID)
	}
	return group, err
}
