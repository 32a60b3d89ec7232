package checker

import (
	"math"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/test/faults/history"
)

const (
	// endLimit is the time that the proxy has for closing the connections of a deleted topic, with a
	// reserve for the client to notice.
	endLimit = 75 * time.Second
	// tellLimit is the time that the proxy has for ending a connection that can no longer read.
	tellLimit = 30 * time.Second
)

// topic is the state of the topic that the suite has created so far.
type topic struct {
	honest     bool
	instance   int
	there      bool
	made       time.Time // zero for the first instance if the history does not tell
	partitions map[int]int32
	ends       map[slot]int64 // ends of the log, as far as known
	broken     time.Time      // since when Kafka refuses readers, zero while it serves them
}

func newTopic(honest bool) *topic {
	return &topic{honest: honest, there: true, partitions: make(map[int]int32), ends: make(map[slot]int64)}
}

// count returns how many partitions an instance has, any number if unknown.
func (t *topic) count(instance int) int32 {
	if n, ok := t.partitions[instance]; ok {
		return n
	}
	return math.MaxInt32
}

// holds reports whether the current topic existed already when a connection was requested.
func (t *topic) holds(conn *connection) bool { return t.there && conn.began.After(t.made) }

// change handles the suite's changes of the topic.
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
		// A connection without a record may still wait for its group: an error of the topic cannot
		// reach it. kfake, unlike Kafka, starts the wait anew with each join.
		t.broken = e.At
		for _, conn := range c.conns {
			conn.idle = conn.group != "" && conn.instance >= 0
		}
	case history.Mended:
		c.mended(e)
	default:
	}
}

// endConnections notes that the topic of the open connections was deleted.
func (c *check) endConnections(at time.Time) {
	for _, conn := range c.conns {
		if conn.ended.IsZero() {
			conn.ended = at
		}
	}
}

// closed checks the end of a connection.
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

// told checks an answer that reports a missing topic.
func (c *check) told(e *history.Event, conn *connection) {
	if c.topic.honest && e.Code == topicNotFound && c.topic.holds(conn) {
		c.violated(WronglyGone, e, "%s was answered %s", e.ID, e.Code)
	}
}

// topicNotFound is the code of a message whose topic is missing.
const topicNotFound = "TOPIC_NOT_FOUND"

// mended checks connections that are still open although they could not read for a while.
func (c *check) mended(e *history.Event) {
	for _, conn := range c.conns {
		if !conn.closed {
			c.judgeIdle(e, conn)
		}
		conn.idle = false
	}
	c.topic.broken = time.Time{}
}

// judgeIdle checks how long a connection received neither a record nor an error while Kafka refused
// readers.
func (c *check) judgeIdle(e *history.Event, conn *connection) {
	since := c.topic.broken
	if conn.idle && !since.IsZero() && e.At.Sub(since) > tellLimit {
		c.violated(Silent, e, "a connection of group %s had neither a record nor an end for %v", conn.group, e.At.Sub(since))
	}
	conn.idle = false
}
