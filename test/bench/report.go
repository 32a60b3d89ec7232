package main

import (
	"fmt"
	"runtime"
	"strings"
)

// report is the tables, as Markdown.
func (r *results) report() string {
	var text strings.Builder
	fmt.Fprintf(&text, "%s/%s, %d CPUs shared with the broker and the load client, %s, %s. Raw is franz-go with default options. Medians of %d rounds.\n",
		runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), runtime.Version(), r.broker, r.options.rounds)
	for _, write := range []func(*strings.Builder){r.writeFlows, r.writeSummary} {
		write(&text)
	}
	return text.String()
}

func (r *results) writeFlows(text *strings.Builder) {
	rows := measurements(r.options.groups)
	if rows == nil {
		return
	}
	fmt.Fprintf(text, "\n%d records of %d-byte random base64 values (json values: objects) and %d-byte keys, %d partitions, one connection if the row says nothing else.\n\n",
		r.options.records, valueBytes, keyBytes, partitions)
	text.WriteString("| flow | records/s | least-most, 1000/s | of raw | CPU µs/record | of raw | allocations/record | memory MiB | load client µs/record |\n")
	text.WriteString("|---|--:|--:|--:|--:|--:|--:|--:|--:|\n")
	for _, m := range rows {
		r.writeFlow(text, m)
	}
}

func (r *results) writeFlow(text *strings.Builder, m measurement) {
	client := "-"
	got, plain := r.median(m), r.median(m.raw())
	if m.way != raw {
		client = fmt.Sprintf("%.2f", got.client)
	}
	fmt.Fprintf(text, "| %s | %.0f | %s | %.2f | %.2f | %.1f | %.2f | %.0f | %s |\n",
		m, got.perSecond, speeds(r.flows[m]), got.perSecond/plain.perSecond, got.cpu, got.cpu/plain.cpu, got.allocations, got.memory, client)
}
