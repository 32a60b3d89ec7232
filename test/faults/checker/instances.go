package checker

import (
	"fmt"
	"maps"
	"slices"
)

// Instance is the content of one instance of the topic.
type Instance struct {
	// Log is by rising offset: all records that it ever contained, as readers of committed records see
	// them.
	Log map[int32][]Record
	// Open are the messages of transactions that were open when the topic was deleted. Kafka may have
	// reported them as committed since then, although no reader sees them.
	Open map[string]bool
}

// slot is a partition of an instance.
type slot struct {
	instance  int
	partition int32
}

type place struct {
	slot
	offset int64
}

// String omits the instance if there was only one.
func (p place) String() string {
	if p.instance == 0 {
		return fmt.Sprintf("%d/%d", p.partition, p.offset)
	}
	return fmt.Sprintf("%d/%d of instance %d", p.partition, p.offset, p.instance)
}

// slots returns the partitions with records of all instances, in order.
func (c *check) slots() (all []slot) {
	for instance := range c.instances {
		for _, partition := range slices.Sorted(maps.Keys(c.instances[instance].Log)) {
			all = append(all, slot{instance, partition})
		}
	}
	return all
}

func (c *check) records(s slot) []Record {
	if s.instance >= len(c.instances) {
		return nil
	}
	return c.instances[s.instance].Log[s.partition]
}

func (c *check) readLogs() {
	c.log = make(map[place]*Record)
	for _, s := range c.slots() {
		records := c.records(s)
		for i := range records {
			r := &records[i]
			at := place{s, r.Offset}
			c.log[at] = r
			if _, again := c.written[r.ID]; !again {
				c.written[r.ID] = at
			}
		}
	}
}

// find finds a record at an offset in the newest instance that has it: the proxy's answers do not name
// the instance. If there is none, the place is that of the last instance.
func (c *check) find(partition int32, offset int64, is func(*Record) bool) (place, *Record) {
	for instance := range slices.Backward(c.instances) {
		at := place{slot{instance, partition}, offset}
		if r := c.log[at]; r != nil && is(r) {
			return at, r
		}
	}
	return place{slot{len(c.instances) - 1, partition}, offset}, nil
}

// leftOpen reports whether a message belongs to a transaction that was open when its topic was deleted.
func (c *check) leftOpen(id string) bool {
	return slices.ContainsFunc(c.instances, func(i Instance) bool { return i.Open[id] })
}

// judgeLogs compares the logs with the sent messages.
func (c *check) judgeLogs() {
	for _, s := range c.slots() {
		last := make(map[int]int) // newest message by connection
		records := c.records(s)
		for i := range records {
			c.judgeRecord(place{s, records[i].Offset}, &records[i], last)
		}
	}
}
