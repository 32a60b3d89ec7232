package checker

import (
	"github.com/wsproxy/kafka-websocket-proxy/test/faults/history"
)

// group is the state of a consumer group so far.
type group struct {
	Group
	had      map[place]bool
	frontier map[slot]int   // index of the first record that no member has received
	position map[slot]int64 // newest position that Kafka holds
	asked    map[slot]int64 // newest position that its clients committed
	trimmed  map[slot]int64 // first offset of the log

	begun    map[slot]int64 // where a group with latest began
	lost     map[slot]bool  // the log lost the position of a group with latest: it begins anew
	existing map[int]int32  // how many partitions an instance had when a group with latest began
}

func newGroup(g Group) *group {
	return &group{
		Group: g, had: make(map[place]bool), frontier: make(map[slot]int),
		position: make(map[slot]int64), asked: make(map[slot]int64), trimmed: make(map[slot]int64),
		begun: make(map[slot]int64), lost: make(map[slot]bool), existing: make(map[int]int32),
	}
}

// floor returns the offset from which on the group must have all records.
func (g *group) floor(s slot) int64 {
	return max(g.From[s.partition], g.begun[s], g.trimmed[s])
}

// begins reports whether it is still unknown where a group with latest begins in a partition. In a
// partition that was added since the group began, it begins at the first record.
func (g *group) begins(s slot) bool {
	if !g.Latest {
		return false
	}
	if g.lost[s] {
		return true
	}
	_, known := g.begun[s]
	existing, begun := g.existing[s.instance]
	return !known && (!begun || s.partition < existing)
}

// trim removes the records below an offset. If the position of a group with latest was among them, the
// group continues at the end.
func (g *group) trim(s slot, offset int64) {
	g.trimmed[s] = max(g.trimmed[s], offset)
	if position, ok := g.position[s]; ok && position < offset {
		g.lost[s] = g.Latest
	}
}

func (c *check) delivery(e *history.Event) {
	at, r := c.find(e.Partition, e.Offset, func(r *Record) bool { return r.Content == e.Content })
	if r == nil {
		at, r = c.find(e.Partition, e.Offset, func(*Record) bool { return true })
		if r == nil {
			c.violated(Invented, e, "%s was delivered, and is not in the log", at)
		} else {
			c.violated(WrongBytes, e, "%s was delivered as %.200q, is %.200q", at, e.Content, r.Content)
		}
	}
	c.reads(e, at)
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

// reads notes whose records a connection has received. A connection never receives records of two
// instances: its client's commits would be applied to the wrong one.
func (c *check) reads(e *history.Event, at place) {
	conn := c.conns[e.Conn]
	if conn == nil {
		return
	}
	conn.idle = false
	if conn.instance >= 0 && conn.instance != at.instance {
		c.violated(Mixed, e, "%s was delivered after records of instance %d", at, conn.instance)
	}
	conn.instance = at.instance
}

// asked handles a client's commit, which must be for a record that its connection has received.
func (c *check) asked(e *history.Event) {
	g, conn := c.groups[e.Group], c.conns[e.Conn]
	if g == nil {
		return
	}
	s := slot{0, e.Partition}
	if conn != nil {
		s.instance = max(conn.instance, 0)
	}
	g.asked[s] = max(g.asked[s], e.Offset+1)
}

// next returns the first record from which on a group has not received all, or nil.
func (c *check) next(g *group, s slot) *Record {
	records, floor := c.records(s), g.floor(s)
	i := g.frontier[s]
	for i < len(records) && (records[i].Offset < floor || g.had[place{s, records[i].Offset}]) {
		i++
	}
	g.frontier[s] = i
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
	at := place{slot{e.Instance, e.Partition}, e.Offset}
	if g.begins(at.slot) {
		if e.Kind != history.Position {
			return // it may be refused
		}
		c.begin(g, at)
	}
	if unread := c.next(g, at.slot); unread != nil && e.Offset > unread.Offset {
		c.violated(CommittedUnread, e, "group %s is at %s, and has not had %s at %d", g.Name, at, unread.ID, unread.Offset)
	}
	if g.Manual && e.Offset > max(g.asked[at.slot], g.floor(at.slot)) {
		c.violated(CommittedUnasked, e, "group %s is at %s, and has asked for %d", g.Name, at, g.asked[at.slot])
	}
	if e.Kind == history.Position {
		c.hold(e, g, at)
	}
}

// begin takes the first position that Kafka holds of a group with latest, or the first after its
// position was lost, as its start.
func (c *check) begin(g *group, at place) {
	if _, begun := g.existing[at.instance]; !begun {
		g.existing[at.instance] = c.topic.count(at.instance)
	}
	if at.offset >= g.trimmed[at.slot] {
		g.begun[at.slot], g.lost[at.slot] = at.offset, false
	}
}

// hold handles a position that Kafka holds.
func (c *check) hold(e *history.Event, g *group, at place) {
	if e.Offset < g.position[at.slot] {
		c.violated(Rewound, e, "group %s is at %s, and was at %d", g.Name, at, g.position[at.slot])
	}
	if end, ok := c.topic.ends[at.slot]; ok && e.Offset > end {
		c.violated(Beyond, e, "group %s is at %s, and the log ends at %d", g.Name, at, end)
	}
	g.position[at.slot] = e.Offset
}

// judgeGroup finds records that a group has never received. Records of an ended instance count only up
// to the group's position.
func (c *check) judgeGroup(g *group) {
	for _, s := range c.slots() {
		if g.begins(s) {
			continue
		}
		records, floor := c.records(s), g.floor(s)
		for i := range records {
			r := &records[i]
			at := place{s, r.Offset}
			if r.Offset < floor || g.had[at] {
				continue
			}
			switch {
			case r.Offset < g.position[s]:
				c.violated(Skipped, nil, "%s at %s was never delivered to group %s, which is at %d", r.ID, at, g.Name, g.position[s])
			case s.instance == len(c.instances)-1:
				c.violated(Undelivered, nil, "%s at %s was never delivered to group %s, which is at %d", r.ID, at, g.Name, g.position[s])
			}
		}
	}
}
