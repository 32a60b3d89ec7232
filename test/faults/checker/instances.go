package checker

import (
	"fmt"
	"maps"
	"slices"
)

// Instance is what the topic held as it was made once.
type Instance struct {
	// Log is by rising offset: all records that it ever held, as readers of committed records see
	// them.
	Log map[int32][]Record
	// Open are the messages of transactions that were open when the topic was deleted. Kafka may
	// have said since then that they are committed, and no reader sees them.
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

// String leaves out the instance where there was one only.
func (p place) String() string {
	if p.instance == 0 {
		return fmt.Sprintf("%d/%d", p.partition, p.offset)
	}
	return fmt.Sprintf("%d/%d of instance %d", p.partition, p.offset, p.instance)
}

// slots are the partitions of all instances that have records, in order.
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

// find looks for a record in the newest instance that has it at an offset: what the proxy says of
// it does not name the instance. Where there is none, the place is that of the last instance.
func (c *check) find(partition int32, offset int64, is func(*Record) bool) (place, *Record) {
	for instance := range slices.Backward(c.instances) {
		at := place{slot{instance, partition}, offset}
		if r := c.log[at]; r != nil && is(r) {
			return at, r
		}
	}
	return place{slot{len(c.instances) - 1, partition}, offset}, nil
}

// leftOpen tells whether a message is of a transaction that was open when its topic was deleted.
func (c *check) leftOpen(id string) bool {
	return slices.ContainsFunc(c.instances, func(i Instance) bool { return i.Open[id] })
}

// judgeLogs compares the logs with what was sent.
func (c *check) judgeLogs() {
	for _, s := range c.slots() {
		last := make(map[int]int) // by connection, the newest message
		records := c.records(s)
		for i := range records {
			c.judgeRecord(place{s, records[i].Offset}, &records[i], last)
		}
	}
}
