package main

import (
	"fmt"
	"math"
	"runtime"
	"strings"
)

// report is the tables, as Markdown.
func (r *liveResults) report() string {
	var text strings.Builder
	fmt.Fprintf(&text, "%s/%s, %d CPUs shared with the broker, the load client and the producer, %s, %s. Medians of %d rounds, of %v for each flow.\n",
		runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), runtime.Version(), r.broker, r.options.rounds, r.options.window)
	r.writeFlows(&text)
	r.writeFigures(&text)
	text.WriteString("\n| what | value | floor | goal | reached |\n|---|--:|--:|--:|---|\n")
	for _, row := range r.rows() {
		row.write(&text)
	}
	writeShares(&text, r.profiles)
	return text.String()
}

func (r *liveResults) writeFlows(text *strings.Builder) {
	if len(r.flows) == 0 {
		return
	}
	text.WriteString("\nLatencies are from the producer to the load client. CPU is of a delivered record; memory is resident, while records come. Others is what else ran on the machine, of a core.\n\n" +
		"| flow | sockets | in/s | delivered/s | of expected | missing | mean ms | p50 | p99 | most | proxy µs | broker µs | client µs | producer µs | KiB/socket | encodings/record | cursors/s | others % |\n" +
		"|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|\n")
	for _, f := range r.flows {
		s := r.flow(f.what)
		fmt.Fprintf(text, "| %s | %d | %d | %.0f |%s %.0f |", f.what, f.sockets, f.perSecond, s.perSecond, cell(s.perSecond/f.expected()), s.missing)
		for _, figure := range []float64{
			s.mean, s.p50, s.p99, s.most, s.proxy, s.broker, s.client, s.producer, s.memory / kibi, s.encodings, s.cursors, 100 * s.others,
		} {
			text.WriteString(cell(figure))
		}
		text.WriteString("\n")
	}
}

// cell writes a figure with about three digits, and nothing for what is not known.
func cell(figure float64) string {
	switch {
	case math.IsNaN(figure):
		return " - |"
	case math.Abs(figure) >= 100:
		return fmt.Sprintf(" %.0f |", figure)
	case math.Abs(figure) >= 10:
		return fmt.Sprintf(" %.1f |", figure)
	}
	return fmt.Sprintf(" %.2f |", figure)
}

// writeFigures writes what has no goal.
func (r *liveResults) writeFigures(text *strings.Builder) {
	for _, f := range []struct {
		what string
		unit unit
	}{{idleLive, kibibytes}, {historyRate, perSecond}} {
		if value := r.figure(f.what); !math.IsNaN(value) {
			fmt.Fprintf(text, "\n%s: "+string(f.unit)+".\n", f.what, value)
		}
	}
}
