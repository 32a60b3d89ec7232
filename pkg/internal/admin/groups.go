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
	// Groups lists all groups by their ids, without members and assignors.
	Groups(ctx context.Context) ([]proxy.Group, error)
	// Group describes a group. The error is of proxy.KindNotFound where there is none.
	Group(ctx context.Context, id proxy.GroupID) (proxy.Group, error)
	// GroupOffsets lists what a group has committed, by topic and partition.
	GroupOffsets(ctx context.Context, id proxy.GroupID) ([]proxy.GroupOffset, error)
	// CommitGroupOffsets sets what a group has committed. The error is of proxy.KindGroupActive if the
	// group has got members meanwhile.
	CommitGroupOffsets(ctx context.Context, id proxy.GroupID, offsets []proxy.GroupOffset) error
	// DeleteGroupOffsets removes what a group has committed. Its errors are those of
	// CommitGroupOffsets.
	DeleteGroupOffsets(ctx context.Context, id proxy.GroupID, offsets []proxy.GroupOffset) error
}

// Groups are the endpoints for consumer groups. The path's parameters are groupId and topic.
type Groups struct {
	Kafka  Coordinator
	Topics Catalogue
}

// ListedGroups says which groups are listed.
type ListedGroups struct {
	ActiveOnly bool // only those that have members
	Internal   bool // also those whose ids begin with __
}

// listedGroup is a group in the list of all.
type listedGroup struct {
	GroupID  proxy.GroupID    `json:"groupId"`
	IsSimple bool             `json:"isSimple"`
	State    proxy.GroupState `json:"state"`
	Members  []proxy.ClientID `json:"members"` // empty: only the description of a group lists them
}

// All lists groups.
func (g *Groups) All(ctx context.Context, which ListedGroups) (any, error) {
	ctx, cancel := context.WithTimeout(ctx, lookupTimeout)
	defer cancel()
	groups, err := g.Kafka.Groups(ctx)
	if err != nil {
		return nil, err
	}
	all := []listedGroup{}
	for _, group := range groups {
		internal := strings.HasPrefix(string(group.ID), internalPrefix)
		if (which.ActiveOnly && !group.State.Active()) || (internal && !which.Internal) {
			continue
		}
		all = append(all, listedGroup{group.ID, group.Simple, group.State, []proxy.ClientID{}})
	}
	return all, nil
}

// describedGroup is a group and its members.
type describedGroup struct {
	GroupID           proxy.GroupID    `json:"groupId"`
	IsSimple          bool             `json:"isSimple"`
	State             proxy.GroupState `json:"state"`
	PartitionAssignor string           `json:"partitionAssignor"`
	Members           []proxy.ClientID `json:"members"`
}

// Describe describes a group.
func (g *Groups) Describe(r *http.Request) (any, error) {
	ctx, cancel := context.WithTimeout(r.Context(), lookupTimeout)
	defer cancel()
	group, err := g.find(ctx, r)
	if err != nil {
		return nil, err
	}
	members := append([]proxy.ClientID{}, group.Members...) // [] in JSON where there are none
	return describedGroup{group.ID, group.Simple, group.State, group.Assignor, members}, nil
}

// Offsets lists what a group has committed.
func (g *Groups) Offsets(r *http.Request) (any, error) {
	ctx, cancel := context.WithTimeout(r.Context(), lookupTimeout)
	defer cancel()
	group, err := g.find(ctx, r)
	if err != nil {
		return nil, err
	}
	offsets, err := g.Kafka.GroupOffsets(ctx, group.ID)
	return inJSON(offsets), err
}

// DeleteOffsets removes all that a group without members has committed.
func (g *Groups) DeleteOffsets(r *http.Request) (any, error) {
	ctx, cancel := context.WithTimeout(r.Context(), writeTimeout)
	defer cancel()
	id, err := g.idle(ctx, r)
	if err != nil {
		return nil, err
	}
	offsets, err := g.Kafka.GroupOffsets(ctx, id)
	if err != nil || len(offsets) == 0 {
		return none{}, err
	}
	return none{}, g.Kafka.DeleteGroupOffsets(ctx, id, offsets)
}

// AlterOffsets sets what a group without members has committed in a topic. It applies all of the body, or
// nothing. The answer is what is committed in the topic afterwards.
func (g *Groups) AlterOffsets(r *http.Request) (any, error) {
	name := r.PathValue("topic")
	wanted, err := offsetsOf(r, name)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(r.Context(), writeTimeout)
	defer cancel()
	id, err := g.idle(ctx, r)
	if err != nil {
		return nil, err
	}
	topic, err := g.Topics.Topic(ctx, name)
	if err != nil {
		return nil, err
	}
	if err := checkOffsets(wanted, topic); err != nil {
		return nil, err
	}
	if err := g.Kafka.CommitGroupOffsets(ctx, id, wanted); err != nil {
		return nil, err
	}
	offsets, err := g.Kafka.GroupOffsets(ctx, id)
	return inJSON(ofTopic(offsets, name)), err
}

// find describes the group whose id is in the path.
func (g *Groups) find(ctx context.Context, r *http.Request) (proxy.Group, error) {
	id, err := pathID(r, "groupId")
	if err != nil {
		return proxy.Group{}, err
	}
	return g.Kafka.Group(ctx, proxy.GroupID(id))
}

// idle returns the id in the path if its group has no members.
func (g *Groups) idle(ctx context.Context, r *http.Request) (proxy.GroupID, error) {
	ctx, cancel := context.WithTimeout(ctx, lookupTimeout)
	defer cancel()
	group, err := g.find(ctx, r)
	if err == nil && group.State.Active() {
		return "", proxy.Errorf(proxy.KindGroupActive, "Group %q has members: its offsets can be changed when they have left.", group.ID)
	}
	return group.ID, err
}
