package main

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
)

func TestMedians(t *testing.T) {
	for name, c := range map[string]struct {
		perSecond []float64
		want      float64
	}{
		"one":  {[]float64{7}, 7},
		"odd":  {[]float64{9, 1, 5}, 5},
		"even": {[]float64{4, 1, 9, 2}, 3},
	} {
		t.Run(name, func(t *testing.T) {
			var samples []sample
			for _, figure := range c.perSecond {
				samples = append(samples, sample{perSecond: figure, cpu: -figure})
			}
			if got := medians(samples); got.perSecond != c.want || got.cpu != -c.want {
				t.Errorf("got %+v, want %v", got, c.want)
			}
		})
	}
}

func TestNewSample(t *testing.T) {
	begin := time.Now()
	s := span{records: 900, first: begin, last: begin.Add(3 * time.Second)}
	got := newSample(s, usage{cpu: 0.002, allocations: 500, memory: 3 << 20}, usage{cpu: 0.001}, 1000)
	if want := (sample{perSecond: 300, cpu: 2, allocations: 0.5, memory: 3, client: 1}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestReadUsage(t *testing.T) {
	const metrics = "# TYPE process_cpu_seconds_total counter\nprocess_cpu_seconds_total 1.5\n" +
		"process_resident_memory_bytes 2.5e+07\ngo_memstats_mallocs_total 1e+06\n" +
		"go_memstats_heap_inuse_bytes 300\ngo_memstats_stack_inuse_bytes 20\nother{a=\"b c\"} 3\n"
	got, err := readUsage(strings.NewReader(metrics))
	if want := (usage{cpu: 1.5, allocations: 1e6, memory: 2.5e7, heap: 300, stacks: 20}); err != nil || got != want {
		t.Errorf("got %+v, %v, want %+v", got, err, want)
	}
	for name, text := range map[string]string{
		"missing":      "process_cpu_seconds_total 1\nprocess_resident_memory_bytes 1\n",
		"not a number": strings.Replace(metrics, "1.5", "x", 1),
	} {
		if _, err := readUsage(strings.NewReader(text)); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestOwnMeterCounts(t *testing.T) {
	meter := ownMeter()
	before, err := meter()
	if err != nil {
		t.Fatal(err)
	}
	now, err := meter()
	if used := now.since(before); err != nil || used.allocations <= 0 || used.memory <= 0 || used.cpu < 0 {
		t.Errorf("got %+v, %v", used, err)
	}
}

func TestFrameRange(t *testing.T) {
	d := newData()
	for way, p := range d.payloads {
		whole := 0
		for n := 0; n < distinct; n += chunk {
			whole += len(p.frameRange(distinct+n, chunk)) // the second time around
		}
		if whole != len(p.frames) {
			t.Errorf("%s: the chunks have %d bytes, all frames %d", way, whole, len(p.frames))
		}
	}
	if len(d.keys[0]) != keyBytes || len(d.values[0]) != valueBytes {
		t.Errorf("a key of %d and a value of %d bytes", len(d.keys[0]), len(d.values[0]))
	}
}

func TestJSONValues(t *testing.T) {
	for n, value := range newData().json {
		if len(value) != valueBytes || !json.Valid(value) {
			t.Fatalf("value %d has %d bytes: %s", n, len(value), value)
		}
	}
}

func TestFootprintPer(t *testing.T) {
	got := footprint{resident: 1000, live: 90}.per(10, footprint{resident: 400, live: 100})
	if want := (footprint{resident: 60, live: -1}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}
