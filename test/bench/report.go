package main

import (
	"fmt"
	"runtime"
	"strings"
)

// target is what the proxy is to reach in a flow.
type target struct {
	ofRaw       float64 // least share of the plain client's records per second
	allocations float64 // most per record
}

func targetOf(flow string) target {
	if flow == "out" {
		return target{ofRaw: 0.20, allocations: 2}
	}
	return target{ofRaw: 0.09, allocations: 6}
}

// report is the table, as Markdown.
func (b *bench) report() string {
	var text strings.Builder
	fmt.Fprintf(&text, "%d records of %d-byte random base64 values and %d-byte keys, %d partitions, one connection; medians of %d rounds.\n",
		b.options.records, valueBytes, keyBytes, partitions, b.options.rounds)
	fmt.Fprintf(&text, "%s/%s, %d CPUs shared with the broker and the load client, %s, %s. Raw is franz-go with default options.\n\n",
		runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), runtime.Version(), b.broker.name)
	text.WriteString("| flow | records/s | least-most, 1000/s | of raw | CPU µs/record | of raw | allocations/record | memory MiB | load client µs/record |\n")
	text.WriteString("|---|--:|--:|--:|--:|--:|--:|--:|--:|\n")
	for _, m := range measurements() {
		b.writeRow(&text, m)
	}
	text.WriteString("\n| target | wanted | measured | |\n|---|--:|--:|---|\n")
	for _, flow := range []string{"out", "in"} {
		b.writeTargets(&text, flow)
	}
	return text.String()
}

func (b *bench) writeRow(text *strings.Builder, m measurement) {
	name, client := m.flow+", raw", "-"
	got, raw := medians(b.samples[m]), medians(b.samples[measurement{m.flow, true}])
	if !m.raw {
		name, client = m.flow+", proxy", fmt.Sprintf("%.2f", got.client)
	}
	fmt.Fprintf(text, "| %s | %.0f | %s | %.2f | %.2f | %.1f | %.2f | %.0f | %s |\n",
		name, got.perSecond, spread(b.samples[m]), got.perSecond/raw.perSecond, got.cpu, got.cpu/raw.cpu, got.allocations, got.memory, client)
}

func (b *bench) writeTargets(text *strings.Builder, flow string) {
	wanted := targetOf(flow)
	got, raw := medians(b.samples[measurement{flow, false}]), medians(b.samples[measurement{flow, true}])
	ratio := got.perSecond / raw.perSecond
	fmt.Fprintf(text, "| %s: records/s of raw | at least %.2f | %.2f | %s |\n", flow, wanted.ofRaw, ratio, verdict(ratio >= wanted.ofRaw))
	fmt.Fprintf(text, "| %s: allocations/record | at most %.0f | %.2f | %s |\n", flow, wanted.allocations, got.allocations, verdict(got.allocations <= wanted.allocations))
}

func verdict(met bool) string {
	if met {
		return "met"
	}
	return "missed"
}
