package server

import (
	"context"
	"fmt"
	"log/slog"
	"math"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/codec"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/feed"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/socket"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// BenchmarkTails measures the processor time that a delivered record of about 276 bytes costs up to the buffer that is
// written to the socket, of 1,000 sockets that all get each record: as it is, and compressed. The sockets have a writer
// each, as they do in the proxy, or a single one, so that nothing of the scheduler is in the figures. It reports how often
// a record was compressed, and to how many bytes.
func BenchmarkTails(b *testing.B) {
	const sockets = 1000
	for _, writers := range []int{1, sockets} {
		for _, batch := range []int{1, 10, 100} {
			for _, compressed := range []bool{false, true} {
				b.Run(fmt.Sprintf("writers=%d/batch=%d/compressed=%t", writers, batch, compressed), func(b *testing.B) {
					newBenchTails(b, writers, sockets/writers, compressed).run(b, batch)
				})
			}
		}
	}
}

// benchTails are tails of one log, and their writers.
type benchTails struct {
	batches      chan proxy.Batch
	given        sync.WaitGroup // a record for each tail
	sent         atomic.Int64   // bytes
	compressions atomic.Int64
	tails        int
}

func newBenchTails(b *testing.B, writers, each int, compressed bool) *benchTails {
	b.Helper()
	t := &benchTails{batches: make(chan proxy.Batch), tails: writers * each}
	compression := socket.NewCompression(128)
	hub := feed.NewHub(feed.Options{
		RingBytes: 64 << 20, ChunkBytes: 256 << 10, Linger: time.Hour, Retry: time.Second, Moves: time.Second, CatchUps: 1,
		Compressor: compression.ForTails(func() { t.compressions.Add(1) }), Logger: slog.New(slog.DiscardHandler),
	})
	ctx, cancel := context.WithCancel(b.Context())
	var writing sync.WaitGroup
	var tails []*feed.Tail
	woken := make(chan struct{}, 1)
	for n := range writers * each {
		if n%each == 0 {
			woken = make(chan struct{}, 1)
		}
		woken, window := woken, &feed.Window{}
		if compressed {
			window.Open(math.MaxInt, true)
		}
		tail, err := hub.Open(b.Context(), "log", feed.Name{Topic: "readings"}, func(context.Context) (feed.Source, error) { return t, nil }, feed.TailOptions{
			NewEncoder: func() feed.Encoder {
				settings := codec.OutSettings{Topic: "readings", KeyFormat: proxy.FormatString, ValueFormat: proxy.FormatJSON, MaxDepth: 100}
				return socket.NewTailFrames(codec.NewJSONOut, settings, func(bool) {})
			},
			Window: window, Slowed: func() {}, Wake: func() {
				select {
				case woken <- struct{}{}:
				default:
				}
			},
		})
		if err != nil {
			b.Fatal(err)
		}
		if tails = append(tails, tail); len(tails)%each == 0 {
			own := tails[len(tails)-each:]
			writing.Go(func() { t.write(ctx, own, woken) })
		}
	}
	b.Cleanup(func() {
		cancel()
		writing.Wait()
		for _, tail := range tails {
			tail.Close()
		}
		hub.Close()
	})
	return t
}

// write is the writer of some tails.
func (t *benchTails) write(ctx context.Context, tails []*feed.Tail, woken <-chan struct{}) {
	var dst []byte
	take := func(frame []byte) bool {
		dst = append(dst, frame...)
		return len(dst) < 64<<10
	}
	for {
		select {
		case <-woken:
		case <-ctx.Done():
			return
		}
		for _, tail := range tails {
			for given := 1; given > 0; {
				dst = dst[:0]
				given = tail.Fill(math.MaxInt32, take, take)
				t.sent.Add(int64(len(dst)))
				t.given.Add(-given)
			}
		}
	}
}

// run delivers records, a batch after the other.
func (t *benchTails) run(b *testing.B, batch int) {
	b.Helper()
	records, offset := 0, int64(0)
	began := processorTime(b)
	for b.Loop() {
		next := proxy.Batch{Next: proxy.Places{0: {Offset: offset + int64(batch)}}}
		for i := range batch {
			next.Records = append(next.Records, benchReading(offset+int64(i)))
		}
		offset += int64(batch)
		records += batch
		t.given.Add(batch * t.tails)
		t.batches <- next
		t.given.Wait()
	}
	delivered := float64(records * t.tails)
	b.ReportMetric(float64(processorTime(b)-began)/delivered, "cpu-ns/delivered")
	b.ReportMetric(float64(t.compressions.Load())/float64(records), "compressions/record")
	b.ReportMetric(float64(t.sent.Load())/delivered, "bytes/delivered")
}

// benchReading returns a record whose frame has about 276 bytes.
func benchReading(n int64) proxy.Record {
	return proxy.Record{
		Offset: n, Timestamp: 1_554_896_731_782 + 37*n, Key: fmt.Appendf(nil, "sensor-%d", n*7919%500),
		Value: fmt.Appendf(nil, `{"device":%d,"celsius":%.2f,"humidity":%.1f,"battery":%d,"status":"ok"}`,
			n*7919%500, 15+float64(n*104729%1500)/100, 30+float64(n*1299709%500)/10, 3000+n*15485863%1200),
	}
}

func processorTime(b *testing.B) time.Duration {
	b.Helper()
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		b.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// The log at Kafka, which has what is delivered.

func (*benchTails) At(context.Context, int64) (proxy.Places, error) { return proxy.Places{0: {}}, nil }

func (*benchTails) Starts(context.Context) (proxy.Places, error) { return proxy.Places{0: {}}, nil }

func (*benchTails) Ends(context.Context) (proxy.Places, error) { return proxy.Places{0: {}}, nil }

func (*benchTails) Check(context.Context, proxy.Places) (proxy.Batch, error) {
	return proxy.Batch{}, nil
}

func (t *benchTails) Read(context.Context, proxy.Places) (feed.Reader, error) { return t, nil }

func (t *benchTails) Poll(ctx context.Context) (proxy.Batch, error) {
	select {
	case batch := <-t.batches:
		return batch, nil
	case <-ctx.Done():
		return proxy.Batch{}, ctx.Err()
	}
}

func (*benchTails) Close() {}
