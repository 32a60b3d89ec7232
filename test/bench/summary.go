package main

import (
	"fmt"
	"strings"
)

const kibi = 1 << 10

// unit is how a figure is written.
type unit string

const (
	ratio        unit = "%.2f"
	times        unit = "x%.2f" // a ratio as well
	count        unit = "%.3f"
	milliseconds unit = "%+.3f ms"
	kibibytes    unit = "%.1f KiB"
	percent      unit = "%.1f %%"
)

// row is a figure that is held against a floor, which it should keep, and a goal.
type row struct {
	what        string
	unit        unit
	value       float64
	floor, goal float64
	atMost      bool // less is better
}

// isRatio tells whether the figure can be compared with one of another run.
func (r row) isRatio() bool { return r.unit == ratio || r.unit == times }

// reaches tells whether the value is as good as a limit.
func (r row) reaches(limit float64) bool {
	if r.atMost {
		return r.value <= limit
	}
	return r.value >= limit
}

func (r row) reached() string {
	switch {
	case r.reaches(r.goal):
		return "goal"
	case r.reaches(r.floor):
		return "floor"
	}
	return "missed"
}

func (r row) write(text *strings.Builder) {
	form := string(r.unit)
	fmt.Fprintf(text, "| %s | "+form+" | "+form+" | "+form+" | %s |\n", r.what, r.value, r.floor, r.goal, r.reached())
}

func (r *results) writeSummary(text *strings.Builder) {
	text.WriteString("\n| what | value | floor | goal | reached |\n|---|--:|--:|--:|---|\n")
	for _, row := range r.summary() {
		row.write(text)
	}
}

// summary returns the rows of what was measured.
func (r *results) summary() []row {
	var rows []row
	for _, part := range []func() []row{r.flowRows, r.latencyRows, r.memoryRows, r.cpuRows} {
		rows = append(rows, part()...)
	}
	return rows
}

func (r *results) latencyRows() []row {
	if len(r.latencies) == 0 {
		return nil
	}
	ack := median(r.latencies, func(l latencies) float64 { return l.ack - l.rawAck })
	record := median(r.latencies, func(l latencies) float64 { return l.record - l.rawRecord })
	return []row{
		{"lone ack, median over raw", milliseconds, ack, 0.15, 0.08, true},
		{"lone record, median over raw", milliseconds, record, 0.15, 0.08, true},
	}
}

func (r *results) memoryRows() []row {
	var rows []row
	if len(r.idle) > 0 {
		in := median(r.idle, func(s idleSample) float64 { return s.in.resident }) / kibi
		out := median(r.idle, func(s idleSample) float64 { return s.out.resident }) / kibi
		rows = append(rows,
			row{"idle /in, resident memory of a connection", kibibytes, in, 30, 16, true},
			row{"idle /out of an own group, resident memory of a connection", kibibytes, out, 250, 180, true})
	}
	if len(r.bursts) > 0 {
		live := median(r.bursts, func(f footprint) float64 { return f.live }) / kibi
		rows = append(rows, row{"/in idle after a burst, live memory of a connection", kibibytes, live, 40, 20, true})
	}
	return rows
}

func (r *results) cpuRows() []row {
	var rows []row
	if len(r.idle) > 0 {
		what := fmt.Sprintf("%d idle /in and %d idle /out, CPU of a core", r.options.scaled(idleProducers, 1), r.options.scaled(idleConsumers, 1))
		rows = append(rows, row{what, percent, 100 * median(r.idle, func(s idleSample) float64 { return s.cpu }), 3, 1, true})
	}
	if len(r.spreads) > 0 {
		what := fmt.Sprintf("/in, one rate over %d connections: CPU of one connection", r.options.scaled(spreadConnections, 2))
		rows = append(rows, row{what, times, median(r.spreads, func(s spreadSample) float64 { return s.many / s.one }), 1.5, 1.2, true})
	}
	return rows
}
