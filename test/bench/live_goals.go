package main

import "math"

// What is no flow is called so in the tables.
const (
	idleResident  = "idle sockets: resident memory of one"
	idleLive      = "idle sockets: live memory of one"
	idleJoined    = "idle sockets: until all have joined"
	idleShare     = "idle sockets: CPU of a core"
	openingRate   = "opening: sockets/s"
	openingCPU    = "opening: CPU of one"
	historyRate   = "from earliest: records/s"
	historyOfRaw  = "from earliest: records/s of raw"
	firstSnapshot = "snapshot: first socket"
	laterSnapshot = "snapshot: each further socket"
)

// The units of live reading.
const (
	plainMilliseconds unit = "%.2f ms"
	microseconds      unit = "%.2f µs"
	seconds           unit = "%.3f s"
	perSecond         unit = "%.0f/s"
)

// rows are the figures that are held against a floor and a goal, as far as they were measured.
func (r *liveResults) rows() []row {
	var rows []row
	for _, part := range [][]row{r.latencyRows(), r.ratioRows(), r.otherRows()} {
		for _, row := range part {
			if !math.IsNaN(row.value) {
				rows = append(rows, row)
			}
		}
	}
	return rows
}

func (r *liveResults) latencyRows() []row {
	all, many, keys, broadcast := r.flow(allFlow), r.flow(allManyFlow), r.flow(keysFlow), r.flow(broadcastFlow)
	return []row{
		{allFlow + ": mean", plainMilliseconds, all.mean, 6, 3, true},
		{allFlow + ": CPU/delivered", microseconds, all.proxy, 13, 8, true},
		{allManyFlow + ": mean", plainMilliseconds, many.mean, 50, 35, true},
		{allManyFlow + ": p99", plainMilliseconds, many.p99, 110, 80, true},
		{allManyFlow + ": CPU/delivered", microseconds, many.proxy, 14, 11, true},
		{keysFlow + ": p50", plainMilliseconds, keys.p50, 6, 3, true},
		{keysFlow + ": p99", plainMilliseconds, keys.p99, 60, 25, true},
		{keysFlow + ": CPU/delivered", microseconds, keys.proxy, 18, 12, true},
		{broadcastFlow + ": mean", plainMilliseconds, broadcast.mean, 12, 5, true},
		{broadcastFlow + ": CPU/delivered", microseconds, broadcast.proxy, 2, 1, true},
	}
}

func (r *liveResults) ratioRows() []row {
	overTLS := r.flow(tlsFlow).proxy / r.flow(plainFlow).proxy
	toAll := r.flow(manyAllFlow).proxy / r.flow(fewAllFlow).proxy
	byKey := r.flow(manyKeysFlow).proxy / r.flow(fewKeysFlow).proxy
	readers := r.flow(manyReadersFlow).brokerShare / r.flow(oneReaderFlow).brokerShare
	return []row{
		{"TLS 1.3: CPU/delivered of plain", times, overTLS, 2, 1.5, true},
		{"200 partitions, to all: CPU/delivered of 4", times, toAll, 1.5, 1.1, true},
		{"200 partitions, by key: CPU/delivered of 4", times, byKey, 1.5, 1.1, true},
		{"many sockets: broker's CPU of one socket", times, readers, 1.2, 1.05, true},
		{"one socket: encodings/record", count, r.flow(oneEncodedFlow).encodings, 1, 1, true},
		{"many sockets: encodings/record", count, r.flow(manyEncodedFlow).encodings, 1, 1, true},
	}
}

func (r *liveResults) otherRows() []row {
	conflated := r.flow(conflatedFlow)
	return []row{
		{idleResident, kibibytes, r.figure(idleResident), 30, 16, true},
		{idleJoined, seconds, r.figure(idleJoined), 60, 10, true},
		{idleShare, percent, r.figure(idleShare), 2, 0.5, true},
		{openingRate, perSecond, r.figure(openingRate), 2000, 4000, false},
		{openingCPU, plainMilliseconds, r.figure(openingCPU), 0.4, 0.2, true},
		{historyOfRaw, ratio, r.figure(historyOfRaw), 0.4, 0.6, false},
		{firstSnapshot, seconds, r.figure(firstSnapshot), 2, 1, true},
		{laterSnapshot, seconds, r.figure(laterSnapshot), 0.5, 0.25, true},
		{conflatedFlow + ": CPU of a core", percent, 100 * conflated.proxyShare, 80, 50, true},
		{conflatedFlow + ": newest value late by, p99", plainMilliseconds, conflated.late, 250, 150, true},
	}
}
