package admin

import (
	"context"
	"net/http"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// committed is the offset of a group in JSON.
type committed struct {
	Topic     string  `json:"topic"`
	Partition int32   `json:"partition"`
	Offset    int64   `json:"offset"`
	Metadata  *string `json:"metadata"` // null where there is none
}

// start is the start offset of a share group in JSON.
type start struct {
	committed

	Lag *int64 `json:"lag"` // null where it is not known
}

func inJSON(offsets []proxy.GroupOffset, kind proxy.GroupType) any {
	plain, starts := []committed{}, []start{}
	for _, o := range offsets {
		c := committed{Topic: o.Topic, Partition: o.Partition, Offset: o.Offset}
		if o.Metadata != "" {
			c.Metadata = &o.Metadata
		}
		plain, starts = append(plain, c), append(starts, start{c, known(o.Lag)})
	}
	if kind == proxy.ShareGroup {
		return starts
	}
	return plain
}

// ofTopic returns the offsets in one topic.
func ofTopic(offsets []proxy.GroupOffset, topic string) (found []proxy.GroupOffset) {
	for _, o := range offsets {
		if o.Topic == topic {
			found = append(found, o)
		}
	}
	return found
}

// Offsets lists what a group has committed, or where a share group starts.
func (g *Groups) Offsets(r *http.Request) (any, error) {
	ctx, cancel := context.WithTimeout(r.Context(), lookupTimeout)
	defer cancel()
	group, err := g.find(ctx, r)
	if err != nil {
		return nil, err
	}
	offsets, err := g.Kafka.GroupOffsets(ctx, group.ID, group.Type)
	return inJSON(offsets, group.Type), err
}

// DeleteOffsets removes all offsets of a group without members.
func (g *Groups) DeleteOffsets(r *http.Request) (any, error) {
	ctx, cancel := context.WithTimeout(r.Context(), writeTimeout)
	defer cancel()
	group, err := g.idle(ctx, r)
	if err != nil {
		return nil, err
	}
	offsets, err := g.Kafka.GroupOffsets(ctx, group.ID, group.Type)
	if err != nil || len(offsets) == 0 {
		return none{}, err
	}
	return none{}, g.Kafka.DeleteGroupOffsets(ctx, group.ID, group.Type, offsets)
}

// AlterOffsets sets the offsets of a group without members in a topic. It applies all of the body, or
// nothing. The answer is what the offsets in the topic are afterwards. A trial changes nothing: its answer is
// what they would be.
func (g *Groups) AlterOffsets(r *http.Request, trial bool) (any, error) {
	name := r.PathValue("topic")
	wanted, err := targetOf(r, name)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(r.Context(), writeTimeout)
	defer cancel()
	group, err := g.idle(ctx, r)
	if err != nil {
		return nil, err
	}
	offsets, before, err := g.plan(ctx, &group, name, wanted)
	if err != nil {
		return nil, err
	}
	if trial {
		return Answer{Body: inJSON(over(before, offsets), group.Type), Unchanged: true}, nil
	}
	if err := g.Kafka.CommitGroupOffsets(ctx, group.ID, group.Type, offsets); err != nil {
		return nil, err
	}
	after, err := g.Kafka.GroupOffsets(ctx, group.ID, group.Type)
	return inJSON(ofTopic(after, name), group.Type), err
}
