//go:build unix

package real

import (
	"flag"
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/test/faults/workload"
)

var crowdTails = flag.Int("tails", crowdSize, "how many tails read through a rolling restart")

// rolling is one replica's restart.
type rolling struct {
	drained time.Duration // from SIGTERM to its end
	ready   time.Duration // from SIGTERM to a successor that is ready
	idle    int           // tails that did not read at that time
}

// TestLongTailsReadOnThroughARollingRestart restarts three replicas one after another under thousands of tails. Each
// drains, ends in order and is ready again before the next one begins. Every tail goes on at its cursor, and is given
// each record of its keys once: nothing is lost with a replica, and nobody has to begin anew.
func TestLongTailsReadOnThroughARollingRestart(t *testing.T) {
	const replicas = 3
	before := load()
	c := newCrowd(t, *crowdTails, replicas)
	c.start()
	workload.Pause(t.Context(), steadyFor)
	calm := time.Now()
	table := newLines()
	table.add("tails, of which read all", "%d, %d", len(c.tails), readAll)
	for i := range replicas {
		r := c.roll(i)
		table.add(fmt.Sprintf("replica %d: its drain; from SIGTERM until its successor was ready; tails that did not read then", i+1),
			"%v; %v; %d", brief(r.drained), brief(r.ready), r.idle)
	}
	rolled := time.Now()
	c.awaitReading("the restart")
	table.add("all tails read again, from the last replica's return on", "%v", brief(time.Since(rolled)))
	workload.Pause(t.Context(), steadyFor)
	c.addUsage(table)
	events, report := c.finish()
	for _, line := range report.Lines(shown) {
		t.Error(line)
	}
	steady, f := figuresOf(events, calm), figuresOf(events, time.Now())
	if f.lost > 0 || f.gaps > 0 || f.blind > 0 || f.closed["1012"] < len(c.tails) {
		t.Errorf("%d places were lost, %d gaps told, %d connections closed without a cursor; they were closed by code: %v", f.lost, f.gaps, f.blind, f.closed)
	}
	table.add("connections that went on at a cursor; those whose place was lost", "%d; %d", f.resumed, f.lost)
	table.add("the longest that a tail had no connection", "%v", brief(f.away))
	table.add("before the restart: 99 % of records came within; the last one", "%v; %v", brief(steady.wait(0.99)), brief(steady.wait(1)))
	table.addCrowd(f, &report)
	c.publish("rollout", before, table)
}

// roll restarts a replica, to which nobody is sent anymore by then. It returns when the next one is ready.
func (c *crowd) roll(i int) (r rolling) {
	c.fleet.left(i)
	began := time.Now()
	must(c.t, c.fleet.shutdown(i))
	r.drained = time.Since(began)
	must(c.t, c.fleet.start(i))
	r.ready, r.idle = time.Since(began), c.idle()
	return r
}

// addUsage adds what the replicas that run now have used.
func (c *crowd) addUsage(table *lines) {
	var most int64
	var cpu time.Duration
	for i := range c.fleet.size() {
		u := usageOf(c.fleet.process(i).PID())
		most, cpu = max(most, u.memory), cpu+u.cpu
	}
	table.add("memory of a replica at most; processor time of all that ran in the end", "%d MiB; %v", most>>20, brief(cpu))
}

// publish shows what was seen, and writes it into the page where that is asked for.
func (c *crowd) publish(part, before string, table *lines) {
	run := fmt.Sprintf("%d processors for the proxies, Kafka and the clients; load average %s before, %s after", runtime.NumCPU(), before, load())
	c.t.Logf("%s\n%s", run, table)
	if *update {
		must(c.t, record(c.t.Context(), part, run, table.String()))
	}
}
