package e2e

import "fmt"

// ledger holds what a tail of one topic was given. The topic's offsets must have no holes of their own. All that is
// not given must be in a told gap.
type ledger struct {
	next    map[int32]int64 // what must come next, by partition
	records int
	gaps    []tailGap
}

// newLedger begins at the first frame of each partition, or at offset 0 of the partitions of a topic where there are any.
func newLedger(partitions int32) *ledger {
	l := &ledger{next: make(map[int32]int64)}
	for partition := range partitions {
		l.next[partition] = 0
	}
	return l
}

// note takes the next frame, and tells what is wrong with it.
func (l *ledger) note(f *tailFrame) error {
	partition, from, to := f.Partition, f.Offset, f.Offset+1
	switch f.kind() {
	case "record":
		l.records++
	case "gap":
		l.gaps = append(l.gaps, *f.Gap)
		partition, from, to = f.Gap.Partition, f.Gap.From, f.Gap.To
		if to <= from {
			return fmt.Errorf("the gap %s is empty", f.text)
		}
	default:
		return nil
	}
	if next, known := l.next[partition]; known && from != next {
		return fmt.Errorf("in partition %d comes offset %d, not %d: %.200s", partition, from, next, f.text)
	}
	l.next[partition] = to
	return nil
}

// has tells whether all up to the ends of the partitions came.
func (l *ledger) has(ends map[int32]int64) bool {
	for partition, end := range ends {
		if l.next[partition] < end {
			return false
		}
	}
	return true
}

// follow reads until the ledger has all up to ends.
func (l *ledger) follow(c *tail, ends map[int32]int64) {
	c.t.Helper()
	for !l.has(ends) {
		f := c.frame()
		if err := l.note(&f); err != nil {
			c.t.Fatal(err)
		}
	}
}
