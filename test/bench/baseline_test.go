package main

import (
	"io"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"
)

func TestBaselineCheck(t *testing.T) {
	kept := baseline{Commit: "c0ffee", Ratios: map[string]float64{"speed": 0.40, "cpu": 2.0}}
	speed := func(value float64) row { return row{what: "speed", unit: ratio, value: value} }
	cpu := func(value float64) row { return row{what: "cpu", unit: times, value: value, atMost: true} }
	for name, c := range map[string]struct {
		rows        []row
		fails, says string
	}{
		"the same":               {[]row{speed(0.40), cpu(2.0)}, "", "| speed | 0.40 | 0.40 | +0 % | kept |"},
		"better":                 {[]row{speed(0.80), cpu(1.0)}, "", "| cpu | 2.00 | 1.00 | -50 % | kept |"},
		"a little slower":        {[]row{speed(0.345), cpu(2.0)}, "", "| speed | 0.40 | 0.34 | -14 % | kept |"},
		"slower":                 {[]row{speed(0.33), cpu(2.0)}, "15 % is lost: speed", "| speed | 0.40 | 0.33 | -18 % | lost |"},
		"a little more CPU":      {[]row{speed(0.40), cpu(2.29)}, "", "| cpu | 2.00 | 2.29 | +15 % | kept |"},
		"more CPU":               {[]row{speed(0.40), cpu(2.31)}, "15 % is lost: cpu", "| cpu | 2.00 | 2.31 | +16 % | lost |"},
		"both":                   {[]row{speed(0.1), cpu(3)}, "lost: speed; cpu", "lost"},
		"no number":              {[]row{speed(math.NaN())}, "lost: speed", "lost"},
		"not measured":           {[]row{speed(0.40)}, "", "| cpu | 2.00 | | | not measured |"},
		"a new ratio":            {[]row{speed(0.40), {what: "new", unit: ratio, value: 1}}, "", "kept"},
		"nothing in common":      {[]row{{what: "new", unit: ratio, value: 1}}, "no ratio of commit c0ffee", "not measured"},
		"an absolute figure":     {[]row{speed(0.40), {what: "cpu", unit: percent, value: 9, atMost: true}}, "", "| cpu | 2.00 | | | not measured |"},
		"only absolute figures":  {[]row{{what: "cpu", unit: percent, value: 9, atMost: true}}, "no ratio", "not measured"},
		"at the limit of speed":  {[]row{speed(0.34)}, "", "kept"},
		"just beyond that limit": {[]row{speed(0.3399)}, "lost", "lost"},
	} {
		t.Run(name, func(t *testing.T) {
			var output strings.Builder
			err := kept.check(c.rows, &output)
			if (err == nil) != (c.fails == "") || err != nil && !strings.Contains(err.Error(), c.fails) {
				t.Errorf("got %v, want %q", err, c.fails)
			}
			if !strings.Contains(output.String(), c.says) {
				t.Errorf("it does not say %q:\n%s", c.says, output.String())
			}
		})
	}
}

// TestKeptRatios holds the names in the file that make bench-check uses against those of today: a ratio that
// was renamed would not be checked anymore.
func TestKeptRatios(t *testing.T) {
	kept, err := readBaseline("baseline.json")
	if err != nil {
		t.Fatal(err)
	}
	o, err := parse([]string{"--embedded"}, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	r := &results{options: o, flows: make(map[measurement][]sample), spreads: []spreadSample{{one: 1, many: 1}}}
	for _, m := range measurements(o.groups) {
		r.flows[m] = []sample{{perSecond: 1, cpu: 1}}
	}
	now := newBaseline(head{}, r)
	if got, want := slices.Sorted(maps.Keys(kept.Ratios)), slices.Sorted(maps.Keys(now.Ratios)); !slices.Equal(got, want) {
		t.Errorf("the file has %q, a run gives %q", got, want)
	}
	if kept.Broker != o.brokerKind() || kept.Records != o.records {
		t.Errorf("the file is of %d records and the broker %q, and a run of %d and %q", kept.Records, kept.Broker, o.records, o.brokerKind())
	}
}
