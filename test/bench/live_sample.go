package main

import (
	"math"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/test/bench/loadclient"
)

// liveSample is what one round of a flow gave. What is not known is NaN.
type liveSample struct {
	perSecond            float64 // records that were delivered
	mean, p50, p99, most float64 // milliseconds from producing a record to having it
	proxy, broker        float64 // CPU, microseconds per delivered record
	client, producer     float64 // the same
	proxyShare           float64 // CPU, of a core
	brokerShare          float64 // the same
	others               float64 // CPU of a core that other processes took: with much of it, the figures mean little
	memory               float64 // resident bytes of the proxy per socket, with the flow going on
	encodings            float64 // per record that was produced, from the first to the last
	cursors              float64 // frames per second, of all sockets together
	late                 float64 // milliseconds that the last record of a key took; 99 of 100 took less
	missing              float64 // records that did not come; below 0 are those that came twice
}

// figures are all of them.
func (s *liveSample) figures() []*float64 {
	return []*float64{
		&s.perSecond, &s.mean, &s.p50, &s.p99, &s.most, &s.proxy, &s.broker, &s.client, &s.producer, &s.proxyShare, &s.brokerShare, &s.others,
		&s.memory, &s.encodings, &s.cursors, &s.late, &s.missing,
	}
}

// newLiveSample is of the time between two readings, of some sockets.
func newLiveSample(before, after *reading, sockets int, memoryBefore float64) liveSample {
	const micro = 1e6
	seconds := after.at.Sub(before.at).Seconds()
	delivered := float64(after.report.Records - before.report.Records)
	cpu := func(of func(*reading) process) float64 { return of(after).cpu - of(before).cpu }
	proxy, broker := cpu(func(r *reading) process { return r.proxy }), cpu(func(r *reading) process { return r.broker })
	client, producer := cpu(func(r *reading) process { return r.client }), cpu(func(r *reading) process { return r.producer })
	latency := after.report.Latency
	return liveSample{
		perSecond: delivered / seconds,
		mean:      inMilliseconds(latency.Mean), p50: inMilliseconds(latency.P50), p99: inMilliseconds(latency.P99), most: inMilliseconds(latency.Max),
		proxy: proxy * micro / delivered, broker: known(broker) * micro / delivered,
		client: client * micro / delivered, producer: producer * micro / delivered,
		others:     (after.machine - before.machine - proxy - broker - client - producer) / seconds,
		proxyShare: proxy / seconds, brokerShare: known(broker) / seconds,
		memory:  (after.proxy.memory - memoryBefore) / float64(sockets),
		cursors: float64(after.report.Cursors-before.report.Cursors) / seconds,
	}
}

func inMilliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// known returns NaN for what was not read.
func known(cpu float64) float64 {
	if cpu == 0 {
		return math.NaN()
	}
	return cpu
}

// missingOf compares what has come with what each of the readers of a record should have.
func missingOf(r *loadclient.Report, p produced, readers int) float64 {
	missing := p.records*readers - int(r.Records)
	if missing == 0 && r.Sum != p.sum*uint64(readers) {
		return math.Inf(1) // as many came twice as are missing
	}
	return float64(missing)
}

// liveMedians returns the median of each figure by itself, but all that is missing.
func liveMedians(samples []liveSample) (m liveSample) {
	for i, figure := range m.figures() {
		*figure = median(samples, func(s liveSample) float64 { return *s.figures()[i] })
	}
	m.missing = 0
	for _, s := range samples {
		m.missing = math.Max(m.missing, math.Abs(s.missing))
	}
	return m
}
