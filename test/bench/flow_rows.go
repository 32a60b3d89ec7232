package main

// flowRow is a figure of a flow, beside the same figure of another.
type flowRow struct {
	what        string
	figure      func(sample) float64
	of, by      measurement
	floor, goal float64
	atMost      bool
}

// flowRows returns the rows of the flows whose two sides were measured.
func (r *results) flowRows() []row {
	var rows []row
	for _, f := range append(flowRatios("out"), flowRatios("in")...) {
		if r.has(f.of) && r.has(f.by) {
			value := f.figure(r.median(f.of)) / f.figure(r.median(f.by))
			rows = append(rows, row{f.of.String() + ": " + f.what, ratio, value, f.floor, f.goal, f.atMost})
		}
	}
	for _, f := range []struct {
		flow        string
		floor, goal float64
	}{{"out", 0.05, 0.02}, {"in", 0.9, 0.4}} {
		if m := (measurement{f.flow, jsonWay, plain}); r.has(m) {
			rows = append(rows, row{m.String() + ": allocations/record", count, r.median(m).allocations, f.floor, f.goal, true})
		}
	}
	return rows
}

// flowRatios are the ratios of a flow, with what they should be.
func flowRatios(flow string) []flowRow {
	const (
		ofRaw    = "records/s of raw"
		cpuOfRaw = "CPU/record of raw"
		ofJSON   = "records/s of JSON"
		ofPlain  = "records/s of plain"
	)
	yardstick, json := measurement{flow, raw, plain}, measurement{flow, jsonWay, plain}
	avro, tls := measurement{flow, avroWay, plain}, measurement{flow, jsonWay, tlsVariant}
	eight := measurement{flow, jsonWay, eightConnections}
	speed, cpu := func(s sample) float64 { return s.perSecond }, func(s sample) float64 { return s.cpu }
	if flow == "in" {
		return []flowRow{
			{ofRaw, speed, json, yardstick, 0.32, 0.45, false},
			{cpuOfRaw, cpu, json, yardstick, 3.0, 2.3, true},
			{ofJSON, speed, avro, json, 1.0, 1.3, false},
			{ofPlain, speed, tls, json, 0.6, 0.8, false},
			{ofRaw, speed, eight, yardstick, 0.35, 0.50, false},
		}
	}
	values := measurement{flow, jsonWay, jsonValues}
	return []flowRow{
		{ofRaw, speed, json, yardstick, 0.60, 0.80, false},
		{cpuOfRaw, cpu, json, yardstick, 1.5, 1.3, true},
		{ofRaw, speed, values, values.raw(), 0.45, 0.60, false},
		{ofJSON, speed, avro, json, 1.0, 1.3, false},
		{ofPlain, speed, tls, json, 0.5, 0.7, false},
		{ofRaw, speed, eight, yardstick, 0.60, 0.80, false},
	}
}
