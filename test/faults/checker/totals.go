package checker

import (
	"fmt"
	"sync/atomic"
)

// Totals sum up the reports of several schedules. They may be used by any number of goroutines.
type Totals struct{ schedules, answered, delivered, tailed, gaps, handed, settled, violations atomic.Int64 }

// Add adds the report of a schedule.
func (t *Totals) Add(r *Report) {
	t.schedules.Add(1)
	t.answered.Add(int64(r.Answered))
	t.delivered.Add(int64(r.Delivered))
	t.tailed.Add(int64(r.Tailed))
	t.gaps.Add(int64(r.Gaps))
	t.handed.Add(int64(r.Handed))
	t.settled.Add(int64(r.Settled))
	t.violations.Add(int64(len(r.Violations)))
}

// String is the line with which a suite ends.
func (t *Totals) String() string {
	return fmt.Sprintf("schedules=%d answered=%d delivered=%d tailed=%d gaps=%d handed=%d settled=%d violations=%d",
		t.schedules.Load(), t.answered.Load(), t.delivered.Load(), t.tailed.Load(), t.gaps.Load(), t.handed.Load(), t.settled.Load(), t.violations.Load())
}
