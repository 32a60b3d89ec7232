package checker

import (
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/test/faults/history"
)

// Queue is a share group whose workers have settled all records in the end.
type Queue struct {
	Name string
	// Limit is how often Kafka hands a record out at most, 0 if that is not known.
	Limit int
	// Unseen is how many deliveries up to the limit may have been read by no worker, since their connections or proxies had ended.
	Unseen int
	// Counts means that Kafka counts deliveries through all faults. A new leader of a partition may have forgotten some.
	Counts bool
	// Lock is how long locks last, 0 if that is not known. By it is known when a record was asked for.
	Lock time.Duration
	// Told means that the history has all that Kafka was told about records.
	Told bool
}

// The verbs of workers.
const (
	accept = "accept"
	reject = "reject"
	renew  = "renew"
)

// isFinal tells whether a record is nobody's after a verb.
func isFinal(verb string) bool { return verb == accept || verb == reject }

// queues checks what workers were given and told.
type queues struct {
	*check
	all     map[string]*queue
	conns   map[int]*worker
	divided bool // whether a leader of the past may hand out records
	trimmed map[slot]int64
}

// queue is a share group.
type queue struct {
	Queue
	records map[place]*queued
}

// queued is what is known of a record in a queue.
type queued struct {
	counts  map[int]bool // of its deliveries
	most    int          // highest of them
	settled int          // count of the delivery that was accepted or rejected, 0 for none
	known   time.Time    // when a worker was told so
	asked   map[string]int
	told    map[string]int // index of the last event that told Kafka a verb
	final   int            // acknowledgements that accept or reject it and have not failed
}

func (q *queue) at(p place) *queued {
	r := q.records[p]
	if r == nil {
		r = &queued{counts: make(map[int]bool), asked: make(map[string]int), told: make(map[string]int)}
		q.records[p] = r
	}
	return r
}

// checkQueues checks what workers were given and told.
func checkQueues(events []history.Event, kafka *Kafka) Report {
	q := &queues{check: newCheck(kafka), all: make(map[string]*queue), conns: make(map[int]*worker), trimmed: make(map[slot]int64)}
	q.readLogs()
	for _, one := range kafka.Queues {
		q.all[one.Name] = &queue{Queue: one, records: make(map[place]*queued)}
	}
	for i := range events {
		q.event(i, &events[i])
	}
	for _, one := range kafka.Queues {
		q.judge(q.all[one.Name])
	}
	return q.report
}

func (c *queues) event(index int, e *history.Event) {
	switch e.Kind {
	case history.QueueOpen:
		if q := c.all[e.Group]; q != nil {
			conn := &connection{began: e.Began, instance: -1}
			c.check.conns[e.Conn] = conn
			c.conns[e.Conn] = newWorker(conn, q, e.Limit)
		}
	case history.Made, history.Ended:
		c.change(e)
	case history.Divided, history.United:
		c.divided = e.Kind == history.Divided
	case history.Trim:
		c.trimmed[slot{e.Instance, e.Partition}] = e.Offset
	case history.Close:
		c.closed(e)
	case history.QueueTold:
		if q := c.all[e.Group]; q != nil {
			c.told(index, e, q)
		}
	default:
		if w := c.conns[e.Conn]; w != nil {
			c.ofWorker(index, e, w)
		}
	}
}

func (c *queues) ofWorker(index int, e *history.Event, w *worker) {
	switch e.Kind {
	case history.QueueRecord:
		c.record(e, w)
	case history.QueueAck:
		c.acknowledge(index, e, w)
	case history.QueueSettled, history.QueueRenewed, history.QueueFailed:
		c.outcome(e, w)
	case history.QueueAnswered:
		c.answered(e, w)
	case history.QueueExpired:
		c.expired(e, w)
	default:
	}
}

// record takes a delivery.
func (c *queues) record(e *history.Event, w *worker) {
	c.report.Handed++
	at, r := c.find(e.Partition, e.Offset, func(r *Record) bool { return r.Content == e.Content })
	if r == nil {
		if at, r = c.find(e.Partition, e.Offset, func(*Record) bool { return true }); r == nil {
			c.violated(Invented, e, "%s was given to a worker, and is not in the log", at)
		} else {
			c.violated(WrongBytes, e, "%s was given to a worker as %.200q, is %.200q", at, e.Content, r.Content)
		}
	}
	c.reads(e, at)
	c.count(e, at, w.queue)
	if before := w.holds[at]; before != nil && !w.endedBy(at, before) && before.pending == 0 && !before.unsure {
		c.violated(HeldTwice, e, "%s is given to a worker again, and the delivery before has no end", at)
	}
	w.holds[at] = &holding{count: e.Count, until: e.Until}
	if n := w.held(); n > w.window {
		c.violated(Overfull, e, "%d records are held, %d are allowed", n, w.window)
	}
}

// count checks the number of a delivery.
func (c *queues) count(e *history.Event, at place, q *queue) {
	r := q.at(at)
	if e.Count < 1 || q.Limit > 0 && e.Count > q.Limit {
		c.violated(BeyondLimit, e, "%s is delivered for the %dth time, the limit is %d", at, e.Count, q.Limit)
	}
	if q.Counts && r.counts[e.Count] {
		c.violated(SameDelivery, e, "delivery %d of %s is given to a worker again", e.Count, at)
	}
	asked := time.UnixMilli(e.Until).Add(-q.Lock)
	if r.settled > 0 && !c.divided && (q.Counts && e.Count > r.settled || q.Lock > 0 && asked.After(r.known)) {
		c.violated(CameAgain, e, "delivery %d of %s comes after delivery %d was settled", e.Count, at, r.settled)
	}
	r.counts[e.Count] = true
	r.most = max(r.most, e.Count)
}

// told takes what Kafka is told about a record.
func (c *queues) told(index int, e *history.Event, q *queue) {
	at := place{slot{e.Instance, e.Partition}, e.Offset}
	record, r := c.log[at], q.at(at)
	r.told[e.Code] = index
	switch {
	case e.Code == history.Gap:
		if record != nil {
			c.violated(OwnAccord, e, "Kafka is told that there is no record at %s", at)
		}
	case isFinal(e.Code), e.Code == renew:
		if r.asked[e.Code] <= 0 {
			c.violated(OwnAccord, e, "Kafka is told %s of %s in queue %s", e.Code, at, q.Name)
		}
	}
}

// judge finds records that no worker was given, and those that none has settled.
func (c *queues) judge(q *queue) {
	last := len(c.instances) - 1
	for _, s := range c.slots() {
		if s.instance != last {
			continue
		}
		for i := range c.records(s) {
			record := &c.records(s)[i]
			at := place{s, record.Offset}
			switch r := q.at(at); {
			case record.Offset < c.trimmed[s]:
			case r.most == 0:
				c.violated(Undelivered, nil, "%s at %s was never given to a worker of queue %s", record.ID, at, q.Name)
			case r.final <= 0 && (q.Limit == 0 || r.most < q.Limit-q.Unseen):
				c.violated(Lost, nil, "%s at %s was given to workers of queue %s, at most for the %dth time, and nobody has settled it", record.ID, at, q.Name, r.most)
			}
		}
	}
}
