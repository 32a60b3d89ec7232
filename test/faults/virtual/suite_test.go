//go:build synctests

package virtual

import (
	"flag"
	"fmt"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/test/faults/checker"
)

var (
	seeds          = flag.Int("seeds", 300, "how many schedules to run")
	first          = flag.Uint64("first", 1, "the seed of the first schedule")
	soak           = flag.Duration("soak", 0, "run schedules for this long, whatever -seeds says")
	until          = flag.String("until", "", "run schedules until this rule was violated")
	inTransactions = flag.Bool("transactions", false, "producers write in transactions")
	inFamily       = flag.String("family", "", "add faults of these families, one to a schedule: topics, growth, retention, crowd, errors, state, tails, queues; or all")
	verbose        = flag.Bool("proxylog", false, "print the proxies' logs")
)

// shown is how many violations of a rule are printed per schedule.
const shown = 4

// totals sum up the reports of all schedules.
type totals struct {
	checker.Totals

	seen atomic.Bool // the violation that -until names
}

func (s *totals) add(r *checker.Report) {
	s.Add(r)
	if *until != "" && r.Count(checker.Rule(*until)) > 0 {
		s.seen.Store(true)
	}
}

var sum totals

func TestMain(m *testing.M) {
	flag.Parse()
	code := m.Run()
	fmt.Println(&sum)
	os.Exit(code)
}

// TestSchedules runs one schedule for each seed, as many at a time as there are processors.
func TestSchedules(t *testing.T) {
	began := time.Now()
	var next atomic.Uint64
	more := func() (seed uint64, ok bool) {
		n := next.Add(1) - 1
		if sum.seen.Load() {
			return 0, false
		}
		return *first + n, *soak == 0 && n < uint64(*seeds) || *soak > 0 && time.Since(began) < *soak
	}
	var workers sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		workers.Go(func() {
			for seed, ok := more(); ok; seed, ok = more() {
				t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) { schedule(t, seed) })
			}
		})
	}
	workers.Wait()
}

// schedule runs one schedule. A goroutine that does not end is a deadlock that synctest reports.
func schedule(t *testing.T, seed uint64) {
	t.Helper()
	p := newPlan(seed)
	t.Logf("reproduce with: go test -tags synctests ./test/faults/virtual -run 'TestSchedules/seed=%d$' -first %d -seeds 1%s\n%s", seed, seed, flagsOf(p), p)
	var report checker.Report
	var err error
	began := time.Now()
	synctest.Test(t, func(*testing.T) { report, err = run(p) })
	if err != nil {
		t.Fatal(err)
	}
	sum.add(&report)
	t.Logf("%d sent, %d answered, %d refused, %d aborted, %d unknown, %d delivered, %d duplicates, %d to tails, %d gaps, %d to workers, %d settled in %s", report.Sent, report.Answered,
		report.Refused, report.Aborted, report.Unknown, report.Delivered, report.Duplicates, report.Tailed, report.Gaps, report.Handed, report.Settled, time.Since(began))
	for _, line := range report.Lines(shown) {
		t.Error(line)
	}
}

// flagsOf returns the flags that a schedule needs in addition to its seed.
func flagsOf(p *plan) string {
	flags := ""
	if *inTransactions {
		flags += " -transactions"
	}
	if p.family.name != "" {
		flags += " -family " + p.family.name
	}
	return flags
}
