package checker

import (
	"maps"
	"slices"
	"sort"

	"github.com/wsproxy/kafka-websocket-proxy/test/faults/history"
)

// group is what a consumer group has had so far.
type group struct {
	Group
	had      map[place]bool
	frontier map[int32]int   // index of the first record that nobody has had
	position map[int32]int64 // newest, as Kafka holds it
	asked    map[int32]int64 // the newest position that its clients asked for
}

func newGroup(g Group, log map[int32][]Record) *group {
	made := &group{
		Group: g, had: make(map[place]bool), frontier: make(map[int32]int),
		position: make(map[int32]int64), asked: make(map[int32]int64),
	}
	for partition, records := range log {
		from := g.From[partition]
		made.frontier[partition] = sort.Search(len(records), func(i int) bool { return records[i].Offset >= from })
	}
	return made
}

func (c *check) delivery(e *history.Event) {
	at := place{e.Partition, e.Offset}
	switch r := c.log[at]; {
	case r == nil:
		c.violated(Invented, e, "%s was delivered, and is not in the log", at)
	case r.Content != e.Content:
		c.violated(WrongBytes, e, "%s was delivered as %.200q, is %.200q", at, e.Content, r.Content)
	}
	g := c.groups[e.Group]
	if g == nil {
		return
	}
	if g.had[at] {
		c.report.Duplicates++
		return
	}
	c.report.Delivered++
	g.had[at] = true
}

// next returns the first record from which on a group has not had all, or nil.
func (g *group) next(partition int32, log map[int32][]Record) *Record {
	records := log[partition]
	i := g.frontier[partition]
	for i < len(records) && g.had[place{partition, records[i].Offset}] {
		i++
	}
	g.frontier[partition] = i
	if i == len(records) {
		return nil
	}
	return &records[i]
}

func (c *check) position(e *history.Event) {
	g := c.groups[e.Group]
	if g == nil {
		return
	}
	if unread := g.next(e.Partition, c.byPartition); unread != nil && e.Offset > unread.Offset {
		c.violated(CommittedUnread, e, "group %s is at %d/%d, and has not had %s at %d", g.Name, e.Partition, e.Offset, unread.ID, unread.Offset)
	}
	if g.Manual && e.Offset > max(g.asked[e.Partition], g.From[e.Partition]) {
		c.violated(CommittedUnasked, e, "group %s is at %d/%d, and has asked for %d", g.Name, e.Partition, e.Offset, g.asked[e.Partition])
	}
	if e.Kind != history.Position {
		return
	}
	if e.Offset < g.position[e.Partition] {
		c.violated(Rewound, e, "group %s is at %d/%d, and was at %d", g.Name, e.Partition, e.Offset, g.position[e.Partition])
	}
	g.position[e.Partition] = e.Offset
}

// judgeGroup looks for records that a group has never had.
func (c *check) judgeGroup(g *group, log map[int32][]Record) {
	for _, partition := range slices.Sorted(maps.Keys(log)) {
		for i := range log[partition] {
			r := &log[partition][i]
			at := place{partition, r.Offset}
			if r.Offset < g.From[partition] || g.had[at] {
				continue
			}
			if r.Offset < g.position[partition] {
				c.violated(Skipped, nil, "%s at %s was never delivered to group %s, which is at %d", r.ID, at, g.Name, g.position[partition])
				continue
			}
			c.violated(Undelivered, nil, "%s at %s was never delivered to group %s, which is at %d", r.ID, at, g.Name, g.position[partition])
		}
	}
}
