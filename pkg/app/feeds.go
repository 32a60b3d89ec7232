package app

import (
	"context"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/budget"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/feed"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/metrics"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/socket"
)

const (
	// feedChunk is how many bytes of ready frames are dropped at once.
	feedChunk = 256 << 10
	// feedLinger is how long a topic is read on after its last tail: its clients may come back.
	feedLinger = time.Minute
	// feedRetry is the pause after reading has failed.
	feedRetry = time.Second
	// feedMoves is how long after a record tails that do not want it may learn of it, for their cursors.
	feedMoves = 500 * time.Millisecond
	// feedPast is how far in the past rings begin for a first tail that does: those who come back from a replica that
	// has ended are not older, as long as they do so at once. To fetch so much takes a fraction of it.
	feedPast = 20 * time.Second
)

// openFeeds makes the hub of live reading.
func (a *App) openFeeds(b *budget.Budget, c *socket.Compression, m *metrics.Metrics) *feed.Hub {
	tails := &a.config.Tails
	options := feed.Options{
		RingBytes: tails.BufferBytes, TableBytes: tails.SnapshotBytes, ChunkBytes: int(min(feedChunk, tails.BufferBytes/4)), Tick: tails.Tick,
		Linger: feedLinger, Retry: feedRetry, Moves: feedMoves, Past: feedPast, CatchUps: tails.CatchUpReaders, Logger: a.log,
		Used: func(change int64) {
			if change >= 0 {
				b.Charge(budget.Tailing, change)
			} else {
				b.Release(budget.Tailing, -change)
			}
		},
	}
	if c != nil {
		options.Compressor = c.ForTails(m.TailCompressions.Inc)
	}
	hub := feed.NewHub(options)
	a.onTearDown(func(context.Context) { hub.Close() })
	return hub
}
