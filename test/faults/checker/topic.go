package checker

import (
	"math"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/test/faults/history"
)

const (
	// endLimit is what the proxy has for closing the connections of a topic that was deleted, and
	// a little more for the client to notice.
	endLimit = 75 * time.Second
	// tellLimit is what the proxy has for ending a connection that can read nothing anymore.
	tellLimit = 30 * time.Second
)

// topic is what the suite has done to the topic so far.
type topic struct {
	honest     bool
	instance   int
	there      bool
	made       time.Time // zero for the first instance of a history that does not tell
	partitions map[int]int32
	ends       map[slot]int64 // of the log, as far as they are told
	broken     time.Time      // since when Kafka serves no readers, zero while it does
}

func newTopic(honest bool) *topic {
	return &topic{honest: honest, there: true, partitions: make(map[int]int32), ends: make(map[slot]int64)}
}

// count returns how many partitions an instance has, any number where nobody has told.
func (t *topic) count(instance int) int32 {
	if n, ok := t.partitions[instance]; ok {
		return n
	}
	return math.MaxInt32
}

// holds tells whether the topic that there is now was there already when a connection was asked
// for.
func (t *topic) holds(conn *connection) bool { return t.there && conn.began.After(t.made) }

// change takes what the suite does to the topic.
func (c *check) change(e *history.Event) {
	t := c.topic
	switch e.Kind {
	case history.Made:
		t.instance, t.there, t.made = e.Instance, true, e.At
		t.partitions[e.Instance] = int32(e.Count)
	case history.Grown:
		t.partitions[e.Instance] = int32(e.Count)
	case history.Ended:
		t.there = false
		c.endConnections(e.At)
	case history.Trim:
		for _, g := range c.groups {
			g.trim(slot{e.Instance, e.Partition}, e.Offset)
		}
	case history.LogEnd:
		t.ends[slot{e.Instance, e.Partition}] = e.Offset
	case history.Broken:
		t.broken = e.At
		for _, conn := range c.conns {
			conn.idle = conn.group != ""
		}
	case history.Mended:
		c.mended(e)
	default:
	}
}

// endConnections notes that the topic of the connections that are open was deleted.
func (c *check) endConnections(at time.Time) {
	for _, conn := range c.conns {
		if conn.ended.IsZero() {
			conn.ended = at
		}
	}
}

// closed judges the end of a connection.
func (c *check) closed(e *history.Event) {
	conn := c.conns[e.Conn]
	if conn == nil {
		return
	}
	conn.closed = true
	if !conn.ended.IsZero() && e.At.Sub(conn.ended) > endLimit {
		c.violated(Outlived, e, "the connection ended %v after its topic", e.At.Sub(conn.ended))
	}
	const gone = "4404"
	if c.topic.honest && e.Code == gone && c.topic.holds(conn) {
		c.violated(WronglyGone, e, "the connection was closed with %s", gone)
	}
	c.judgeIdle(e, conn)
}

// told judges an answer that says that there is no topic.
func (c *check) told(e *history.Event, conn *connection) {
	if c.topic.honest && e.Code == topicNotFound && c.topic.holds(conn) {
		c.violated(WronglyGone, e, "%s was answered %s", e.ID, e.Code)
	}
}

// topicNotFound is what a message is answered with whose topic is not there.
const topicNotFound = "TOPIC_NOT_FOUND"

// mended judges connections that are still there although they could read nothing for a while.
func (c *check) mended(e *history.Event) {
	for _, conn := range c.conns {
		if !conn.closed {
			c.judgeIdle(e, conn)
		}
		conn.idle = false
	}
	c.topic.broken = time.Time{}
}

// judgeIdle judges how long a connection was left without a word while Kafka served no readers.
func (c *check) judgeIdle(e *history.Event, conn *connection) {
	since := c.topic.broken
	if conn.idle && !since.IsZero() && e.At.Sub(since) > tellLimit {
		c.violated(Silent, e, "a connection of group %s had neither a record nor an end for %v", conn.group, e.At.Sub(since))
	}
	conn.idle = false
}
