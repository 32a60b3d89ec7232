//go:build unix

package real

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/test/faults/checker"
	"github.com/wsproxy/kafka-websocket-proxy/test/faults/history"
)

// TestLongQueuesUnderFaults has workers settle the records of a queue while each fault happens at least once.
func TestLongQueuesUnderFaults(t *testing.T) {
	began, before := time.Now(), load()
	q := newQueueRun(t)
	q.startClients()
	spans := []span{{fault: nobody}}
	if q.healed("the start") {
		spans = append(spans, q.strike(planOf(began, len(queueFaults()), 0))...)
	}
	spans = append(spans, span{fault: nobody, from: time.Now()})
	q.settle()
	events := q.recorder.Events()
	report := checker.Check(events, q.judged())
	for _, line := range report.Lines(shown) {
		t.Error(line)
	}
	report.Violations = append(report.Violations, q.stuck...)
	sum.add(spans, &report)
	table := queueTable(spans, events, report.Violations)
	took := time.Since(began).Round(time.Second)
	t.Logf("seed %d, %v, load average %s before, %s after\n%s", *seed, took, before, load(), table)
	q.marks.judge(t)
	if *update {
		run := fmt.Sprintf("%v, seed %d, 2 proxies, 3 brokers, %d workers on one machine of 2 processors; load average %s before, %s after", took, *seed, queueWorkers, before, load())
		must(t, record(t.Context(), "queues", run, table))
	}
}

// strike lets faults happen, one at a time.
func (q *queueRun) strike(p plan) (spans []span) {
	began, all := time.Now(), queueFaults()
	for n, i := range p.turns(q.t, queueNames(all)) {
		f := all[i]
		q.random = random(uint64(2000 + n))
		s := span{fault: f.name, from: time.Now()}
		spans = append(spans, s)
		what, err := f.strike(q)
		if err != nil {
			q.unserved(checker.Unserved, "%s: %v", f.name, err)
			return spans
		}
		over := time.Now()
		healed := q.healed(f.name)
		spans[len(spans)-1].stalls.records = time.Since(over)
		q.t.Logf("%4d at %v: %s, %s; then new records came after %v", n+1, s.from.Sub(began).Round(time.Second), f.name, what, time.Since(over).Round(time.Millisecond))
		if !healed {
			return spans
		}
		q.marks.take(q.fleet)
	}
	return spans
}

// queueRow is what happened in the time of a fault.
type queueRow struct {
	times, written, handed, again, settled, expired, unknown, violations int
	worst                                                                stalls
}

// queueTable is what happened in a run, in Markdown.
func queueTable(spans []span, events []history.Event, violations []checker.Violation) string {
	rows := make(map[string]*queueRow)
	at := func(when time.Time) *queueRow {
		name := faultAt(spans, when)
		if rows[name] == nil {
			rows[name] = &queueRow{}
		}
		return rows[name]
	}
	for _, s := range spans {
		if s.fault != nobody {
			at(s.from).times++
		}
		at(s.from).worst = at(s.from).worst.most(s.stalls)
	}
	for i := range events {
		at(events[i].At).add(&events[i])
	}
	for i := range violations {
		at(violations[i].At).violations++
	}
	var b strings.Builder
	b.WriteString("| fault | times | written | delivered | of these again | settled | locks ended | outcome unknown | longest until new records | violations |\n|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|\n")
	var sum queueRow
	for _, f := range append([]queueFault{{name: nobody}}, queueFaults()...) {
		if r := rows[f.name]; r != nil {
			r.write(&b, f.name)
			sum.sum(r)
		}
	}
	sum.write(&b, "**all**")
	return b.String()
}

func (r *queueRow) add(e *history.Event) {
	switch {
	case e.Kind == history.Answer && e.Code == "":
		r.written++
	case e.Kind == history.QueueRecord:
		r.handed++
		if e.Count > 1 {
			r.again++
		}
	case e.Kind == history.QueueSettled:
		r.settled++
	case e.Kind == history.QueueExpired:
		r.expired++
	case e.Kind == history.QueueFailed && e.Code == "COMMIT_FAILED":
		r.unknown++
	}
}

func (r *queueRow) sum(o *queueRow) {
	r.times += o.times
	r.written += o.written
	r.handed += o.handed
	r.again += o.again
	r.settled += o.settled
	r.expired += o.expired
	r.unknown += o.unknown
	r.violations += o.violations
	r.worst = r.worst.most(o.worst)
}

func (r *queueRow) write(b *strings.Builder, name string) {
	fmt.Fprintf(b, "| %s | %d | %d | %d | %d | %d | %d | %d | %s | %d |\n", name, r.times, r.written, r.handed, r.again, r.settled, r.expired, r.unknown,
		seconds(r.worst.records), r.violations)
}
