//go:build unix

package real

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/test/faults/checker"
	"github.com/wsproxy/kafka-websocket-proxy/test/faults/history"
)

// shown is how many violations of a rule are printed.
const shown = 10

// TestLongRealFaults lets every fault happen at least once.
func TestLongRealFaults(t *testing.T) {
	began := time.Now()
	r := newRig(t)
	r.writeAndRead("reliability", planOf(began, len(r.faults), 0))
	if *update && *soak > 0 {
		must(t, record(t.Context(), "soak", r.run, r.marks.String()))
	}
}

// writeAndRead has clients write and read while faults happen as planned. What happened is written into a part of the page.
func (r *rig) writeAndRead(part string, p plan) {
	t := r.t
	t.Helper()
	began, before := time.Now(), load()
	watching, stopWatching := context.WithCancel(t.Context())
	var watch sync.WaitGroup
	watch.Go(func() { r.kafka.watch(watching) })
	defer watch.Wait()
	defer stopWatching()

	r.startClients()
	spans := []span{{fault: nobody}}
	if r.healed("the start") {
		spans = append(spans, r.strike(p)...)
	}
	spans = append(spans, span{fault: nobody, from: time.Now()})
	r.settle()
	r.stopTails()
	r.tailing.Wait()
	stopWatching()
	watch.Wait()

	kafka, err := r.judged()
	must(t, err)
	events := r.recorder.Events()
	report := checker.Check(events, kafka)
	for _, line := range report.Lines(shown) {
		t.Error(line)
	}
	report.Violations = append(report.Violations, r.stuck...)
	sum.add(spans, &report)
	sheet := count(r.faults, spans, events, report.Violations)
	t.Logf("seed %d, %v, tails were given %d records and told %d gaps\n%s", *seed, time.Since(began).Round(time.Second), report.Tailed, report.Gaps, sheet)
	r.marks.judge(t)
	r.run = fmt.Sprintf("%v, seed %d, load average %s before, %s after", time.Since(began).Round(time.Second), *seed, before, load())
	if *update {
		must(t, record(t.Context(), part, r.run, sheet.String()))
	}
}

// strike lets faults happen, one at a time. It ends as planned, or when one leaves somebody without service.
func (r *rig) strike(p plan) []span {
	began := time.Now()
	var spans []span
	for n, i := range p.turns(r.t, names(r.faults)) {
		f := r.faults[i]
		r.random = random(uint64(1000 + n))
		s := span{fault: f.name, from: time.Now()}
		spans = append(spans, s)
		if f.divides {
			r.recorder.Add(history.Event{Kind: history.Divided})
		}
		what, err := f.strike(r)
		if err != nil {
			r.unserved(checker.Unserved, "%s: %v", f.name, err)
			return spans
		}
		over := time.Now()
		healed := r.healed(f.name)
		if f.divides {
			r.recorder.Add(history.Event{Kind: history.United})
		}
		spans[len(spans)-1].stalls = stalls{r.served, time.Since(over)}
		r.t.Logf("%4d at %v: %s, %s; then all had answers after %v, and all was committed after %v", n+1,
			s.from.Sub(began).Round(time.Second), f.name, what, r.served.Round(time.Millisecond), spans[len(spans)-1].stalls.records.Round(time.Millisecond))
		if !healed {
			return spans
		}
		r.marks.take(r.fleet)
	}
	return spans
}
