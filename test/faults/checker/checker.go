package checker

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/test/faults/history"
)

// Record is a record as it is in Kafka.
type Record struct {
	Offset      int64
	ID          string // of the message that was written
	Content     string
	Key         string // empty for none
	IsTombstone bool
	// IsRemoved means that compaction has removed it: who reads later is not given it.
	IsRemoved bool
}

// Group is a consumer group with the records that it must have read in the end.
type Group struct {
	Name string
	// From is where the group began, 0 for partitions that are not named.
	From map[int32]int64
	// Latest means that the group began at the end of the existing partitions: its start is the first
	// position that Kafka holds.
	Latest bool
	// Manual means that its clients commit themselves.
	Manual bool
}

// Kafka is the state of Kafka in the end.
type Kafka struct {
	// Log is by rising offset. With transactions, it contains what readers of committed records see. It
	// is all that the last instance of the topic ever contained.
	Log map[int32][]Record
	// Ended are the instances of the topic that were deleted, in order.
	Ended  []Instance
	Groups []Group
	// Name is the topic's. Events and tails name others.
	Name string
	// Beside are the logs of other topics, which are never deleted, with what compaction has removed.
	Beside map[string]map[int32][]Record
	// Tails are the names of those that must have been given all in the end.
	Tails []string
	// Queues are the share groups that must have settled all in the end. They begin with the oldest record.
	Queues []Queue
	// Anew means that producers were made to restart with other sequence numbers: then a message may be
	// written twice, which is counted as a duplicate.
	Anew bool
	// Unsure means that brokers answered batches that they may have written with errors after which
	// producers retry: then a refusal may be that of a retry.
	Unsure bool
	// Honest means that brokers never reported an existing topic as missing.
	Honest bool
}

// Check checks events, which are in the order in which they were recorded.
func Check(events []history.Event, kafka Kafka) Report {
	report := checkTopic(events, "", &kafka)
	for _, name := range slices.Sorted(maps.Keys(kafka.Beside)) {
		report.add(checkTopic(events, name, &Kafka{Log: kafka.Beside[name], Anew: kafka.Anew, Unsure: kafka.Unsure}))
	}
	report.add(checkTails(events, &kafka))
	report.add(checkQueues(events, &kafka))
	return report
}

// checkTopic checks what is about one topic, and no tail.
func checkTopic(events []history.Event, name string, kafka *Kafka) Report {
	c := newCheck(kafka)
	c.readLogs()
	for _, g := range kafka.Groups {
		c.groups[g.Name] = newGroup(g)
	}
	for i := range events {
		if events[i].Topic == name {
			c.event(&events[i])
		}
	}
	c.judgeLogs()
	c.judgeBatches()
	for _, g := range kafka.Groups {
		c.judgeGroup(c.groups[g.Name])
	}
	return c.report
}

// checkTails checks what tails were given.
func checkTails(events []history.Event, kafka *Kafka) Report {
	t := newTails(newCheck(kafka), kafka)
	for i := range events {
		t.event(i, &events[i])
	}
	t.judgeTails(kafka.Tails)
	return t.report
}

// Behind returns what the tails have yet to be given.
func Behind(events []history.Event, kafka Kafka) []string {
	report := checkTails(events, &kafka)
	return report.texts(Undelivered)
}

// Unworked returns what the workers of queues have yet to settle.
func Unworked(events []history.Event, kafka Kafka) []string {
	report := checkQueues(events, &kafka)
	return report.texts(Undelivered, Lost)
}

// texts are the violations of some rules.
func (r *Report) texts(rules ...Rule) (texts []string) {
	for _, v := range r.Violations {
		if slices.Contains(rules, v.Rule) {
			texts = append(texts, v.Text)
		}
	}
	return texts
}

func newCheck(kafka *Kafka) *check {
	return &check{
		sent: make(map[string]*message), conns: make(map[int]*connection),
		written: make(map[string]place), groups: make(map[string]*group), anew: kafka.Anew, unsure: kafka.Unsure,
		batches: make(map[string][]string), instances: append(slices.Clone(kafka.Ended), Instance{Log: kafka.Log}),
		topic: newTopic(kafka.Honest),
	}
}

type check struct {
	report    Report
	instances []Instance
	log       map[place]*Record
	sent      map[string]*message
	conns     map[int]*connection
	written   map[string]place // first place by message
	groups    map[string]*group
	batches   map[string][]string // the messages of each
	topic     *topic
	anew      bool
	unsure    bool
}

// message is one that a client sent.
type message struct {
	conn, n  int
	content  string
	answered bool
	refused  string // the code of a definite error
	pinned   *int32 // the partition that it names
	instance int    // of the topic, when it was sent
	count    int32  // how many partitions that had then, any number if unknown
}

// connection is the history of one connection.
type connection struct {
	sent    []*message
	ids     []string
	answers int

	group    string
	began    time.Time // when the client requested it
	instance int       // whose records it has received, negative for none
	ended    time.Time // when its topic was deleted, if it was
	closed   bool
	idle     bool // no records were received since Kafka began to refuse readers
}

func (c *check) violated(rule Rule, e *history.Event, format string, args ...any) {
	v := Violation{Rule: rule, Text: fmt.Sprintf(format, args...)}
	if e != nil {
		v.At, v.Conn = e.At, e.Conn
	}
	c.report.Violations = append(c.report.Violations, v)
}

func (c *check) event(e *history.Event) {
	switch e.Kind {
	case history.Open:
		c.conns[e.Conn] = &connection{group: e.Group, began: e.Began, instance: -1}
	case history.Send:
		c.send(e)
	case history.Answer:
		c.answer(e)
	case history.Delivery:
		c.delivery(e)
	case history.ClientCommit:
		c.asked(e)
	case history.Commit, history.Position:
		c.position(e)
	case history.Taken:
		if e.Count > e.Limit {
			c.violated(Overrun, e, "%d messages taken, at most %d are allowed", e.Count, e.Limit)
		}
	case history.Close:
		c.closed(e)
	case history.Requests:
		if e.Count > e.Limit {
			c.violated(HotLoop, e, "%d requests %s, at most %d are enough", e.Count, e.Content, e.Limit)
		}
	default:
		c.change(e)
	}
}

func (c *check) send(e *history.Event) {
	c.report.Sent++
	conn := c.conns[e.Conn]
	m := &message{
		conn: e.Conn, n: len(conn.sent), content: e.Content,
		pinned: e.Pinned, instance: c.topic.instance, count: c.topic.count(c.topic.instance),
	}
	conn.sent = append(conn.sent, m)
	conn.ids = append(conn.ids, e.ID)
	c.sent[e.ID] = m
	if e.Batch != "" {
		c.batches[e.Batch] = append(c.batches[e.Batch], e.ID)
	}
}

func (c *check) answer(e *history.Event) {
	conn := c.conns[e.Conn]
	n := conn.answers
	conn.answers++
	if n >= len(conn.sent) {
		c.violated(Unasked, e, "answer %d, but %d messages were sent", n+1, len(conn.sent))
		return
	}
	m, id := conn.sent[n], conn.ids[n]
	if e.ID != id {
		if other := c.sent[e.ID]; other != nil && other.answered {
			c.violated(AnsweredTwice, e, "%s is answered again in the place of %s", e.ID, id)
			return
		}
		c.violated(Mismatch, e, "answer %d is of %q, message %d was %q", n+1, e.ID, n+1, id)
		if m = c.sent[e.ID]; m == nil {
			return
		}
		id = e.ID
	}
	m.answered = true
	c.told(e, conn)
	c.outcome(e, m, id)
}

// outcome checks the answer to a message.
func (c *check) outcome(e *history.Event, m *message, id string) {
	switch {
	case e.Code == aborted:
		c.report.Aborted++
		m.refused = e.Code
	case e.Retriable, c.unsure && (e.Code == "NOT_AUTHORIZED" || e.Code == "TOPIC_NOT_FOUND"):
		c.report.Unknown++
	case e.Code != "":
		c.report.Refused++
		m.refused = e.Code
	default:
		c.report.Answered++
		c.acknowledged(e, id)
	}
}

// aborted is the code of a message that is not written and never will be, and that can be sent again.
const aborted = "TRANSACTION_ABORTED"

func (c *check) acknowledged(e *history.Event, id string) {
	at, r := c.find(e.Partition, e.Offset, func(r *Record) bool { return r.ID == id })
	if r != nil || c.leftOpen(id) {
		return
	}
	if elsewhere, ok := c.written[id]; ok {
		c.violated(Mismatch, e, "%s is answered with %s, and is at %s", id, at, elsewhere)
		return
	}
	c.violated(Missing, e, "%s is answered with %s, and is nowhere in the log", id, at)
}

func (c *check) judgeRecord(at place, r *Record, last map[int]int) {
	m := c.sent[r.ID]
	if m == nil {
		c.violated(Invented, nil, "%q at %s was sent by nobody", r.ID, at)
		return
	}
	if m.content != r.Content {
		c.violated(WrongBytes, nil, "%s at %s is %.200q, was sent as %.200q", r.ID, at, r.Content, m.content)
	}
	if m.refused != "" {
		c.violated(RefusedWritten, nil, "%s was answered %s and is at %s", r.ID, m.refused, at)
	}
	if first := c.written[r.ID]; first != at {
		if !c.anew {
			c.violated(WrittenTwice, nil, "%s is at %s and at %s", r.ID, first, at)
		}
		c.report.Duplicates++
		return
	}
	if newest, ok := last[m.conn]; ok && newest > m.n {
		c.violated(Reordered, nil, "%s at %s, message %d of connection %d, comes after its message %d", r.ID, at, m.n+1, m.conn, newest+1)
		return
	}
	last[m.conn] = m.n
}
