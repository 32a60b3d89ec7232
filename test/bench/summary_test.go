package main

import (
	"slices"
	"strings"
	"testing"
)

func TestRowOutcome(t *testing.T) {
	for name, c := range map[string]struct {
		row  row
		want string
	}{
		"much is good: goal":     {row{value: 0.8, floor: 0.6, goal: 0.8}, "goal"},
		"much is good: floor":    {row{value: 0.6, floor: 0.6, goal: 0.8}, "floor"},
		"much is good: missed":   {row{value: 0.59, floor: 0.6, goal: 0.8}, "missed"},
		"little is good: goal":   {row{value: -1, floor: 3, goal: 2, atMost: true}, "goal"},
		"little is good: floor":  {row{value: 2.5, floor: 3, goal: 2, atMost: true}, "floor"},
		"little is good: missed": {row{value: 3.1, floor: 3, goal: 2, atMost: true}, "missed"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := c.row.reached(); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

// TestSummaryOfAFlow has figures of which all ratios differ.
func TestSummaryOfAFlow(t *testing.T) {
	of := func(speed, cpu float64) []sample { return []sample{{perSecond: speed, cpu: cpu, allocations: 0.5}} }
	r := &results{flows: map[measurement][]sample{
		{"out", raw, plain}: of(1000, 1), {"out", jsonWay, plain}: of(500, 3), {"out", jsonWay, tlsVariant}: of(100, 9),
	}}
	var text strings.Builder
	r.writeSummary(&text)
	for _, line := range []string{
		"| out, JSON: records/s of raw | 0.50 | 0.60 | 0.80 | missed |",
		"| out, JSON: CPU/record of raw | 3.00 | 1.50 | 1.30 | missed |",
		"| out, JSON, TLS 1.3: records/s of plain | 0.20 | 0.50 | 0.70 | missed |",
		"| out, JSON: allocations/record | 0.500 | 0.050 | 0.020 | missed |",
	} {
		if !strings.Contains(text.String(), line+"\n") {
			t.Errorf("the summary has no %q:\n%s", line, text.String())
		}
	}
	if n := len(r.summary()); n != 4 {
		t.Errorf("there are %d rows, of what was not measured too:\n%s", n, text.String())
	}
}

func TestMeasurements(t *testing.T) {
	for name, c := range map[string]struct {
		groups []group
		want   []string
	}{
		"none": {[]group{latency, idle, burst, spread}, nil},
		"throughput": {[]group{throughput}, []string{
			"out, raw", "out, JSON", "out, Avro", "out, raw, json values", "out, JSON, json values", "in, raw", "in, JSON", "in, Avro",
		}},
		"deflate": {[]group{compressed}, []string{"out, raw", "out, JSON", "out, raw, json values", "out, JSON, json values", "out, JSON, json values, deflate", "in, raw", "in, JSON"}},
		"tls":     {[]group{overTLS}, []string{"out, raw", "out, JSON", "out, JSON, TLS 1.3", "in, raw", "in, JSON", "in, JSON, TLS 1.3"}},
		"many":    {[]group{idle, many}, []string{"out, raw", "out, JSON", "out, JSON, 8 connections", "in, raw", "in, JSON", "in, JSON, 8 connections"}},
	} {
		t.Run(name, func(t *testing.T) {
			var got []string
			for _, m := range measurements(c.groups) {
				got = append(got, m.String())
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestShare(t *testing.T) {
	for _, c := range []struct{ n, count int }{{10, 1}, {10, 3}, {2, 3}, {0, 2}} {
		sum := 0
		for i := range c.count {
			sum += share(c.n, i, c.count)
		}
		if sum != c.n {
			t.Errorf("the shares of %d things of %d have %d", c.n, c.count, sum)
		}
	}
}

func TestModelName(t *testing.T) {
	if got := modelName("processor\t: 0\nmodel name\t: Some CPU @ 2 GHz\nflags\t\t: a b\n"); got != "Some CPU @ 2 GHz" {
		t.Errorf("got %q", got)
	}
	if got := modelName("nothing\n"); got != "unknown" {
		t.Errorf("got %q of nothing", got)
	}
}
