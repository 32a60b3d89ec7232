package main

import (
	"context"
	"net/url"
	"strconv"
)

// What the flows are called in the tables.
const (
	outFlow         = "/out, own group each, 10/s x 1 kB"
	allFlow         = "all-to-all, 10/s x 1 kB"
	allManyFlow     = "all-to-all, 4/s x 1 kB"
	keysFlow        = "by key, 200 B"
	broadcastFlow   = "broadcast, 2,000/s x 200 B"
	plainFlow       = "4/s x 1 kB, plain"
	tlsFlow         = "4/s x 1 kB, TLS 1.3"
	fewAllFlow      = "20/s x 200 B, 4 partitions"
	manyAllFlow     = "20/s x 200 B, 200 partitions"
	fewKeysFlow     = "by key, 200 B, 4 partitions"
	manyKeysFlow    = "by key, 200 B, 200 partitions"
	oneReaderFlow   = "100/s x 200 B, one socket"
	manyReadersFlow = "100/s x 200 B, many sockets"
	oneEncodedFlow  = "4/s x 200 B, one socket"
	manyEncodedFlow = "4/s x 200 B, many sockets"
	conflatedFlow   = "every=100, 2 keys each"
)

const (
	fewPartitions, manyPartitions = 4, 200
	someKeys                      = 1000
)

// toAll is a flow of which each socket gets each record.
func toAll(what string, sockets, perSecond, bytes int) flow {
	return flow{
		what: what, path: tailPath, sockets: sockets, partitions: partitions,
		perSecond: perSecond, bytes: bytes, keys: someKeys, readers: sockets,
	}
}

// byKey is a flow of which each socket gets the records of a key of its own.
func byKey(what string, sockets, perSecond, partitions int) flow {
	return flow{
		what: what, path: tailPath, sockets: sockets, partitions: partitions, perSecond: perSecond, bytes: 200, keys: sockets, readers: 1,
		query: func(n int, query url.Values) { query.Set("key", keyOf(n)) },
	}
}

func (l *live) measureOut(ctx context.Context) error {
	f := toAll(outFlow, l.options.scaled(400, 1), 10, 1000)
	f.path = outPath
	return l.runFlows(ctx, f)
}

func (l *live) measureAll(ctx context.Context) error {
	return l.runFlows(ctx, toAll(allFlow, l.options.scaled(400, 1), 10, 1000), toAll(allManyFlow, l.options.scaled(8000, 1), 4, 1000))
}

func (l *live) measureKeys(ctx context.Context) error {
	return l.runFlows(ctx, byKey(keysFlow, l.options.scaled(8000, 1), l.options.rate(8000), partitions))
}

func (l *live) measureBroadcast(ctx context.Context) error {
	return l.runFlows(ctx, toAll(broadcastFlow, l.options.scaled(100, 1), l.options.rate(2000), 200))
}

func (l *live) measureTLS(ctx context.Context) error {
	plain := toAll(plainFlow, l.options.scaled(4000, 1), 4, 1000)
	secure := plain
	secure.what, secure.overTLS = tlsFlow, true
	return l.runFlows(ctx, plain, secure)
}

// measurePartitions has 2,000 records a second delivered by key. To all, so many would be 2,000,000 deliveries a second,
// and are as many as 20,000.
func (l *live) measurePartitions(ctx context.Context) error {
	sockets := l.options.scaled(1000, 1)
	fewAll, manyAll := toAll(fewAllFlow, sockets, 20, 200), toAll(manyAllFlow, sockets, 20, 200)
	fewAll.partitions, manyAll.partitions = fewPartitions, manyPartitions
	perSecond := l.options.rate(2000)
	return l.runFlows(ctx, fewAll, manyAll,
		byKey(fewKeysFlow, sockets, perSecond, fewPartitions), byKey(manyKeysFlow, sockets, perSecond, manyPartitions))
}

func (l *live) measureBroker(ctx context.Context) error {
	return l.runFlows(ctx, toAll(oneReaderFlow, 1, 100, 200), toAll(manyReadersFlow, l.options.scaled(1000, 2), 100, 200))
}

func (l *live) measureEncodings(ctx context.Context) error {
	return l.runFlows(ctx, toAll(oneEncodedFlow, 1, 4, 200), toAll(manyEncodedFlow, l.options.scaled(8000, 2), 4, 200))
}

// measureConflation has each socket want two keys, at most ten times a second each.
func (l *live) measureConflation(ctx context.Context) error {
	f := byKey(conflatedFlow, l.options.scaled(500, 1), l.options.rate(50_000), partitions)
	f.keys, f.conflated = 2*f.sockets, true
	f.query = func(n int, query url.Values) {
		query["key"] = []string{keyOf(2 * n), keyOf(2*n + 1)}
		query.Set("every", strconv.Itoa(100))
	}
	return l.runFlows(ctx, f)
}
