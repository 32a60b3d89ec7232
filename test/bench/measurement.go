package main

import (
	"slices"
	"strings"
)

// measurement is a row of the table of flows.
type measurement struct {
	flow    string // "out" or "in"
	way     string // raw, or the payload of the proxy's sockets
	variant string // what is not as in the other rows
}

// The ways in which records come and go. Raw is without the proxy.
const (
	raw     = "raw"
	jsonWay = "JSON"
	avroWay = "Avro"
)

// The variants. The plain one has values of the format string, TCP without TLS, one connection.
const (
	plain            = ""
	jsonValues       = "json values"
	tlsVariant       = "TLS 1.3"
	deflateVariant   = "json values, deflate"
	eightConnections = "8 connections"
)

// connections is how many connections a variant has.
func (m measurement) connections() int {
	if m.variant == eightConnections {
		return 8
	}
	return 1
}

// raw is the measurement without the proxy that m is held against.
func (m measurement) raw() measurement {
	if m.objects() {
		return measurement{m.flow, raw, jsonValues}
	}
	return measurement{m.flow, raw, plain}
}

// objects tells whether the values are JSON objects, of the format json.
func (m measurement) objects() bool { return m.variant == jsonValues || m.variant == deflateVariant }

func (m measurement) String() string {
	if m.variant == plain {
		return m.flow + ", " + m.way
	}
	return m.flow + ", " + m.way + ", " + m.variant
}

// file is the measurement's name as a part of names of files and topics.
func (m measurement) file() string {
	return strings.ReplaceAll(strings.ReplaceAll(m.String(), ", ", "-"), " ", "-")
}

// measurements are the rows that some groups need, in their order. Each group needs what its rows
// are held against.
func measurements(wanted []group) []measurement {
	has := func(g group) bool { return slices.Contains(wanted, g) }
	if !has(throughput) && !has(overTLS) && !has(many) && !has(compressed) {
		return nil
	}
	var rows []measurement
	for _, flow := range []string{"out", "in"} {
		rows = append(rows, measurement{flow, raw, plain}, measurement{flow, jsonWay, plain})
		if has(throughput) {
			rows = append(rows, measurement{flow, avroWay, plain})
		}
		if flow == "out" {
			rows = append(rows, outOfObjects(has)...)
		}
		if has(overTLS) {
			rows = append(rows, measurement{flow, jsonWay, tlsVariant})
		}
		if has(many) {
			rows = append(rows, measurement{flow, jsonWay, eightConnections})
		}
	}
	return rows
}

// outOfObjects are the rows of JSON objects.
func outOfObjects(has func(group) bool) (rows []measurement) {
	const flow = "out"
	if has(throughput) || has(compressed) {
		rows = append(rows, measurement{flow, raw, jsonValues}, measurement{flow, jsonWay, jsonValues})
	}
	if has(compressed) {
		rows = append(rows, measurement{flow, jsonWay, deflateVariant})
	}
	return rows
}
