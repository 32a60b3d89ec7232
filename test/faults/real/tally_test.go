//go:build unix

package real

import (
	"fmt"
	"slices"
	"sort"
	"strings"
	"testing"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/test/faults/checker"
)

// tally sums up all runs of a process.
type tally struct {
	totals checker.Totals
	kinds  []*tallied
}

// tallied is what is known of a kind of fault, from all runs.
type tallied struct {
	fault             string
	times, violations int
	worst             stalls
}

// add adds a run, whose violations are in the report.
func (y *tally) add(spans []span, report *checker.Report) {
	y.totals.Add(report)
	for i := range spans {
		k := y.kind(spans[i].fault)
		if spans[i].fault != nobody {
			k.times++
		}
		k.worst = k.worst.most(spans[i].stalls)
	}
	for i := range report.Violations {
		y.kind(faultAt(spans, report.Violations[i].At)).violations++
	}
}

func (y *tally) kind(fault string) *tallied {
	at := slices.IndexFunc(y.kinds, func(k *tallied) bool { return k.fault == fault })
	if at < 0 {
		y.kinds = append(y.kinds, &tallied{fault: fault})
		at = len(y.kinds) - 1
	}
	return y.kinds[at]
}

// summary is the end of a soak: a line for each kind of fault, and then one for all, as other suites end.
func (y *tally) summary(took time.Duration) string {
	var b strings.Builder
	times := 0
	for _, k := range y.kinds {
		times += k.times
		fmt.Fprintf(&b, "fault=%q times=%d longest_until_answers=%.1fs longest_until_records=%.1fs violations=%d\n",
			k.fault, k.times, k.worst.answers.Seconds(), k.worst.records.Seconds(), k.violations)
	}
	fmt.Fprintf(&b, "seconds=%.0f faults=%d kinds=%d %s\n", took.Seconds(), times, len(y.kinds), &y.totals)
	return b.String()
}

// faultAt is the fault to whose time a moment belongs. What belongs to none counts as of the start.
func faultAt(spans []span, when time.Time) string {
	after := sort.Search(len(spans), func(i int) bool { return spans[i].from.After(when) })
	return spans[max(0, after-1)].fault
}

// TestTally adds up what two runs have of a kind.
func TestTally(t *testing.T) {
	var y tally
	start := time.Now()
	spans := []span{{fault: nobody}, {"broker killed", start, stalls{time.Second, 4 * time.Second}}}
	y.add(spans, &checker.Report{Violations: []checker.Violation{{At: start.Add(time.Second)}}})
	y.add(spans, &checker.Report{Answered: 5})
	const want = "fault=\"none (start and end)\" times=0 longest_until_answers=0.0s longest_until_records=0.0s violations=0\n" +
		"fault=\"broker killed\" times=2 longest_until_answers=1.0s longest_until_records=4.0s violations=1\n" +
		"seconds=60 faults=2 kinds=2 schedules=2 answered=5 delivered=0 tailed=0 gaps=0 handed=0 settled=0 violations=1\n"
	if got := y.summary(time.Minute); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}
