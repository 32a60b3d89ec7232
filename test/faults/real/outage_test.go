//go:build unix

package real

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/test/faults/workload"
)

const (
	// outageTails is how many tails read while the broker is killed.
	outageTails = 1000
	// soonAfter is what tails have for being given records again, once Kafka serves.
	soonAfter = 30 * time.Second
)

// TestLongTailsReadOnWhenTheBrokerIsKilled kills the only broker under a thousand tails, and starts it again at once, soon, and after a while. The
// tails keep their connections, and are given each record once as soon as there are records again.
func TestLongTailsReadOnWhenTheBrokerIsKilled(t *testing.T) {
	const replicas = 2
	before := load()
	c := newCrowd(t, outageTails, replicas)
	c.start()
	table := newLines()
	table.add("tails, of which read all", "%d, %d", len(c.tails), readAll)
	for _, away := range []time.Duration{0, 5 * time.Second, 20 * time.Second} {
		workload.Pause(t.Context(), steadyFor)
		serves, reads := c.killBroker(away)
		table.add(fmt.Sprintf("broker started again after %v: from its death until it served; from then until all that read all were given records", away),
			"%v; %v", brief(serves), brief(reads))
	}
	workload.Pause(t.Context(), steadyFor)
	c.addUsage(table)
	events, report := c.finish()
	for _, line := range report.Lines(shown) {
		t.Error(line)
	}
	f := figuresOf(events, time.Now())
	if f.gaps > 0 || f.lost > 0 || f.connections != len(c.tails) {
		t.Errorf("%d gaps were told, %d places lost, and there were %d connections; they were closed by code: %v", f.gaps, f.lost, f.connections, f.closed)
	}
	table.add("connections; those that ended before the end", "%d; %d", f.connections, f.connections-len(c.tails))
	table.addCrowd(f, &report)
	c.publish("outage", before, table)
}

// killBroker kills the broker and starts it again. It returns how long that took, and how long it took from then on
// until all tails that read all were given records.
func (c *crowd) killBroker(away time.Duration) (serves, reads time.Duration) {
	ctx, cancel := context.WithTimeout(c.t.Context(), startLimit)
	defer cancel()
	began := time.Now()
	must(c.t, c.broker.Kill())
	workload.Pause(ctx, away)
	must(c.t, c.broker.Restart(ctx))
	serves = time.Since(began)
	back, had := time.Now(), c.given()
	if !workload.Within(soonAfter, func() bool { return allMore(c.given(), had) }) {
		c.t.Errorf("not all tails were given records within %v after Kafka served", soonAfter)
	}
	return serves, time.Since(back)
}

// given is how many records each tail was given that reads all.
func (c *crowd) given() (given []int64) {
	for _, t := range c.tails[:readAll] {
		given = append(given, t.Given())
	}
	return given
}

func allMore(given, had []int64) bool {
	for i := range given {
		if given[i] <= had[i] {
			return false
		}
	}
	return true
}
