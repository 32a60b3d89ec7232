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

// avroOfJSON is the most CPU that a record in Avro may take beside one in JSON.
const avroOfJSON = 1.3

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
	for _, m := range measurements() {
		if m.way != raw {
			b.writeTargets(&text, m)
		}
	}
	return text.String()
}

func (b *bench) writeRow(text *strings.Builder, m measurement) {
	client := "-"
	got, plain := b.median(m.flow, m.way), b.median(m.flow, raw)
	if m.way != raw {
		client = fmt.Sprintf("%.2f", got.client)
	}
	fmt.Fprintf(text, "| %s, %s | %.0f | %s | %.2f | %.2f | %.1f | %.2f | %.0f | %s |\n",
		m.flow, m.way, got.perSecond, spread(b.samples[m]), got.perSecond/plain.perSecond, got.cpu, got.cpu/plain.cpu, got.allocations, got.memory, client)
}

func (b *bench) median(flow, way string) sample { return medians(b.samples[measurement{flow, way}]) }

func (b *bench) writeTargets(text *strings.Builder, m measurement) {
	wanted, name := targetOf(m.flow), m.flow+", "+m.way
	got := b.median(m.flow, m.way)
	ratio := got.perSecond / b.median(m.flow, raw).perSecond
	fmt.Fprintf(text, "| %s: records/s of raw | at least %.2f | %.2f | %s |\n", name, wanted.ofRaw, ratio, metOrNot(ratio >= wanted.ofRaw))
	fmt.Fprintf(text, "| %s: allocations/record | at most %.0f | %.2f | %s |\n", name, wanted.allocations, got.allocations, metOrNot(got.allocations <= wanted.allocations))
	if m.way == avroWay {
		ratio := got.cpu / b.median(m.flow, jsonWay).cpu
		fmt.Fprintf(text, "| %s: CPU/record of JSON | at most %.2f | %.2f | %s |\n", name, avroOfJSON, ratio, metOrNot(ratio <= avroOfJSON))
	}
}

func metOrNot(met bool) string {
	if met {
		return "met"
	}
	return "missed"
}
