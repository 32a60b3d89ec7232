package goclients

import (
	"fmt"
	"slices"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/client"
)

const (
	// MostDeliveries is how often Kafka is to be set up to hand out a record at most.
	MostDeliveries = 10
	// unseen is how many deliveries of a record may have reached no worker, since their connections or proxies had ended.
	unseen = 3
)

// check compares a ledger with what Kafka has.
type check struct {
	*Ledger

	log   map[Place]string
	wrong []string
}

// Check returns what does not hold, where Kafka has these records.
func (l *Ledger) Check(log []Record) []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	c := check{Ledger: l, log: make(map[Place]string), wrong: slices.Clone(l.wrong)}
	for _, r := range log {
		c.log[r.Place] = r.Value
	}
	c.checkSends()
	c.checkGroup()
	c.checkTail()
	c.checkQueue()
	slices.Sort(c.wrong)
	return c.wrong
}

func (c *check) violated(format string, args ...any) {
	c.wrong = append(c.wrong, fmt.Sprintf(format, args...))
}

func (c *check) checkSends() {
	copies := make(map[string]int)
	for at, value := range c.log {
		copies[value]++
		if c.sends[value] == nil {
			c.violated("%v: nobody has sent %.40q", at, value)
		}
	}
	for value, s := range c.sends {
		at := Place{s.ack.Partition, s.ack.Offset}
		switch {
		case s.answers != 1:
			c.violated("%.40q has %d answers", value, s.answers)
		case s.err == nil && c.log[at] != value:
			c.violated("%.40q is lost: its ack says %v", value, at)
		case copies[value] > s.ack.Sends:
			c.violated("%.40q is there %d times, and the client says that it was sent %d times", value, copies[value], s.ack.Sends)
		}
	}
}

// read checks a record that somebody was given.
func (c *check) read(who string, r Record) {
	if value, ok := c.log[r.Place]; !ok || value != r.Value {
		c.violated("%s was given %.40q at %v, which has %.40q", who, r.Value, r.Place, value)
	}
}

func (c *check) checkGroup() {
	given := make(map[Place]bool)
	for _, r := range c.group {
		c.read("the group", r)
		given[r.Place] = true
	}
	c.all(given, "was not given to the group")
}

// all checks that nothing is missing.
func (c *check) all(had map[Place]bool, otherwise string) {
	for at := range c.log {
		if !had[at] {
			c.violated("%v %s", at, otherwise)
		}
	}
}

func (c *check) checkTail() {
	told := make(map[Place]bool)
	next := make(map[int32]int64)
	for _, e := range c.tail {
		if g := e.Gap; g != nil {
			for ; next[g.Partition] < g.To; next[g.Partition]++ {
				told[Place{g.Partition, next[g.Partition]}] = next[g.Partition] >= g.From
			}
			continue
		}
		r := recordOf(e.Record)
		c.read("the tail", r)
		if r.Offset < next[r.Partition] {
			c.violated("the tail was given %v, and had come to %d before", r.Place, next[r.Partition])
		}
		next[r.Partition] = max(next[r.Partition], r.Offset+1)
		told[r.Place] = true
	}
	c.all(told, "was not given to the tail, which was told no gap")
}

func (c *check) checkQueue() {
	done := make(map[Place]bool)
	for at, t := range c.tasks {
		c.read("a worker", Record{at, t.value})
		done[at] = t.accepted > 0 || t.unsure || t.most >= MostDeliveries-unseen
	}
	c.all(done, "was accepted by no worker")
}

// Summary tells how much there was.
func (l *Ledger) Summary(log []Record) string {
	acked := l.Acked()
	l.mu.Lock()
	defer l.mu.Unlock()
	again, accepted := 0, 0
	values := make(map[string]bool)
	for _, r := range log {
		values[r.Value] = true
	}
	for _, s := range l.sends {
		again += min(1, max(0, s.ack.Sends-1))
	}
	for _, t := range l.tasks {
		accepted += min(1, t.accepted)
	}
	gaps := len(slices.DeleteFunc(slices.Clone(l.tail), func(e client.Event) bool { return e.Gap == nil }))
	return fmt.Sprintf("%d messages, %d acknowledged, %d sent again; %d records in Kafka, %d of them doubles; the group was given %d, the tail %d and %d gaps; "+
		"of %d that workers had they accepted %d; errors told: %v",
		len(l.sends), acked, again, len(log), len(log)-len(values), len(l.group), len(l.tail)-gaps, gaps, len(l.tasks), accepted, l.errors)
}
