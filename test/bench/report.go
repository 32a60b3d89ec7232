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
	for _, write := range []func(*strings.Builder){r.writeFlows, r.writeLatencies, r.writeMemory, r.writeSpread, r.writeSummary} {
		write(&text)
	}
	writeShares(&text, r.profiles)
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

func (r *results) writeLatencies(text *strings.Builder) {
	if len(r.latencies) == 0 {
		return
	}
	ms := func(figure func(latencies) float64) float64 { return median(r.latencies, figure) }
	fmt.Fprintf(text, "\nOne record at a time, %d of them, one each %v: the median.\n\n", r.options.scaled(exchanges, 1), pause)
	text.WriteString("| what | proxy, ms | raw, ms |\n|---|--:|--:|\n")
	fmt.Fprintf(text, "| lone ack | %.3f | %.3f |\n",
		ms(func(l latencies) float64 { return l.ack }), ms(func(l latencies) float64 { return l.rawAck }))
	fmt.Fprintf(text, "| lone record | %.3f | %.3f |\n",
		ms(func(l latencies) float64 { return l.record }), ms(func(l latencies) float64 { return l.rawRecord }))
	fmt.Fprintf(text, "\nBytes to another process and back over TCP, without the proxy and Kafka: %.3f ms.\n",
		ms(func(l latencies) float64 { return l.hop }))
}

func (r *results) writeMemory(text *strings.Builder) {
	if len(r.idle) == 0 && len(r.bursts) == 0 {
		return
	}
	fmt.Fprintf(text, "\nMemory per connection; live is heap and stacks in use after a garbage collection. The connections of a burst were idle for %v since.\n\n", r.options.idle)
	text.WriteString("| what | connections | resident KiB | live KiB |\n|---|--:|--:|--:|\n")
	write := func(what string, connections int, samples []footprint) {
		resident := median(samples, func(f footprint) float64 { return f.resident })
		live := median(samples, func(f footprint) float64 { return f.live })
		fmt.Fprintf(text, "| %s | %d | %.1f | %.1f |\n", what, connections, resident/kibi, live/kibi)
	}
	if len(r.idle) > 0 {
		write("idle /in", r.options.scaled(idleProducers, 1), r.idleFootprints(func(s idleSample) footprint { return s.in }))
		write("idle /out, own group", r.options.scaled(idleConsumers, 1), r.idleFootprints(func(s idleSample) footprint { return s.out }))
	}
	if len(r.bursts) > 0 {
		write(fmt.Sprintf("/in after a burst of %d messages", burstMessages), r.options.scaled(burstConnections, 1), r.bursts)
	}
	if len(r.idle) > 0 {
		fmt.Fprintf(text, "\n%d plain consumers of a group each, in a process of their own, need %.1f %% of a core while idle.\n",
			r.options.scaled(idleConsumers, 1), 100*median(r.idle, func(s idleSample) float64 { return s.plain }))
	}
}

func (r *results) idleFootprints(which func(idleSample) footprint) []footprint {
	footprints := make([]footprint, 0, len(r.idle))
	for _, s := range r.idle {
		footprints = append(footprints, which(s))
	}
	return footprints
}

func (r *results) writeSpread(text *strings.Builder) {
	if len(r.spreads) == 0 {
		return
	}
	connections := r.options.scaled(spreadConnections, 2)
	fmt.Fprintf(text, "\n/in, one clientId, %d messages at %d a second.\n\n", r.options.scaled(spreadMessages, connections), spreadPerSecond)
	text.WriteString("| connections | CPU µs/message |\n|--:|--:|\n")
	fmt.Fprintf(text, "| 1 | %.1f |\n", median(r.spreads, func(s spreadSample) float64 { return s.one }))
	fmt.Fprintf(text, "| %d | %.1f |\n", connections, median(r.spreads, func(s spreadSample) float64 { return s.many }))
}
