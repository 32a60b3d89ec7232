package main

import (
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/test/bench/loadclient"
)

func TestNewLiveSample(t *testing.T) {
	begin := time.Now()
	before := reading{at: begin, report: loadclient.Report{Records: 100}}
	after := reading{
		at:     begin.Add(2 * time.Second),
		report: loadclient.Report{Records: 1100, Cursors: 6, Latency: loadclient.Summary{Mean: time.Millisecond, P50: 2e6, P99: 3e6, Max: 4e6}},
		proxy:  process{cpu: 0.5, memory: 5000}, broker: process{cpu: 1}, client: process{cpu: 0.125}, producer: process{cpu: 0.375},
		machine: 4,
	}
	got := newLiveSample(&before, &after, 4, 1000)
	want := liveSample{
		perSecond: 500, mean: 1, p50: 2, p99: 3, most: 4, proxy: 500, broker: 1000, client: 125, producer: 375,
		proxyShare: 0.25, brokerShare: 0.5, others: 1, memory: 1000, cursors: 3,
	}
	if got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	after.broker = process{}
	if got := newLiveSample(&before, &after, 4, 1000); !math.IsNaN(got.broker) || !math.IsNaN(got.brokerShare) {
		t.Errorf("a broker elsewhere takes %v", got.broker)
	}
}

func TestMissing(t *testing.T) {
	for name, c := range map[string]struct {
		report loadclient.Report
		want   float64
	}{
		"none":                        {loadclient.Report{Records: 6, Sum: 6}, 0},
		"one":                         {loadclient.Report{Records: 5, Sum: 6}, 1},
		"one came twice":              {loadclient.Report{Records: 7, Sum: 8}, -1},
		"one, and another came twice": {loadclient.Report{Records: 6, Sum: 5}, math.Inf(1)},
	} {
		t.Run(name, func(t *testing.T) {
			if got := missingOf(&c.report, upTo(3), 2); got != c.want {
				t.Errorf("got %v, want %v", got, c.want)
			}
		})
	}
}

func TestLiveResults(t *testing.T) {
	r := newLiveResults(liveOptions{options: options{rounds: 3}})
	f := toAll(allFlow, 400, 10, 1000)
	for _, mean := range []float64{9, 2, 5} {
		r.addFlow(f, liveSample{perSecond: 4000, mean: mean, proxy: 20, encodings: math.NaN()})
	}
	r.add(openingRate, 3000)
	if err := r.complete(); err != nil {
		t.Errorf("nothing is missing, and yet: %v", err)
	}
	text := r.report()
	for _, row := range []string{
		"| all-to-all, 10/s x 1 kB | 400 | 10 | 4000 | 1.00 | 0 | 5.00 | ", " | - | ",
		"| all-to-all, 10/s x 1 kB: mean | 5.00 ms | 6.00 ms | 3.00 ms | floor |",
		"| all-to-all, 10/s x 1 kB: CPU/delivered | 20.00 µs | 13.00 µs | 8.00 µs | missed |",
		"| opening: sockets/s | 3000/s | 2000/s | 4000/s | floor |",
	} {
		if !strings.Contains(text, row) {
			t.Errorf("the table has no %q:\n%s", row, text)
		}
	}
	if strings.Contains(text, "NaN") || strings.Contains(text, historyOfRaw) {
		t.Errorf("the table has what was not measured:\n%s", text)
	}
	r.addFlow(f, liveSample{missing: -2})
	if err := r.complete(); err == nil || !strings.Contains(err.Error(), allFlow+": 2 records") {
		t.Errorf("got %v, want what came twice", err)
	}
}

func TestFailureKeepsAnError(t *testing.T) {
	var f failure
	f.promise(nil, errors.New("no leader"))
	f.promise(nil, nil)
	if err := f.last.Load(); err == nil || (*err).Error() != "no leader" {
		t.Errorf("got %v", err)
	}
}
