package feed

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// Options are what a log is read with.
type Options struct {
	RingBytes  int           // bytes of frames of a ring
	ChunkBytes int           // bytes of frames of a chunk
	Tick       time.Duration // how long ready frames may wait for others
	Linger     time.Duration // how long a log is read on after its last tail
	Retry      time.Duration // pause after a failure
	CatchUps   chan struct{} // has room for as many tails as may read the log themselves at one time, of all logs
	Logger     *slog.Logger
}

// Variant names the frames of an encoder: tails with equal ones share them.
type Variant string

// Log is a log that is read for tails. It is fetched while there are any, and for a while after the last one.
type Log struct {
	source  Source
	options Options

	mu      sync.Mutex   // guards what follows
	fetched proxy.Places // nil before the ends are known
	rings   map[Variant]*audience
	tails   int
	running bool
	over    chan struct{} // closed when a fetch that ran has ended
}

// audience is a ring, and the tails that read it.
type audience struct {
	ring    *ring
	encoder Encoder
	tails   map[*Tail]struct{}
}

// NewLog returns a log that nothing is fetched of yet.
func NewLog(source Source, options Options) *Log {
	over := make(chan struct{})
	close(over)
	return &Log{source: source, options: options, rings: map[Variant]*audience{}, over: over}
}

// join adds a tail to the audience of its variant, and begins to fetch if it is the first. It returns once the ring
// has a begin.
func (l *Log) join(ctx context.Context, t *Tail, variant Variant, encoder Encoder) (*audience, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for l.fetched == nil {
		l.mu.Unlock()
		ends, err := l.source.Ends(ctx)
		l.mu.Lock()
		if err != nil {
			return nil, err //nolint:wrapcheck // an error for the client
		}
		if l.fetched == nil {
			l.fetched = ends.Clone()
		}
	}
	a := l.rings[variant]
	if a == nil {
		encode := func(dst []byte, r *proxy.Record) []byte { return encoder.AppendRecord(dst, r) }
		a = &audience{newRing(l.options.RingBytes, l.options.ChunkBytes, l.fetched, encode), encoder, map[*Tail]struct{}{}}
		l.rings[variant] = a
	}
	a.tails[t] = struct{}{}
	l.tails++
	if !l.running {
		l.running, l.over = true, make(chan struct{})
		go l.fetch(l.over)
	}
	return a, nil
}

func (l *Log) leave(t *Tail) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(t.audience.tails, t)
	l.tails--
}

// fetch gives all rings what is written to the log, until there was no tail for a while.
func (l *Log) fetch(over chan struct{}) {
	defer close(over)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var watching sync.WaitGroup
	defer watching.Wait()
	watching.Go(func() { l.watch(ctx, cancel) })
	for ctx.Err() == nil {
		if err := l.fetchOn(ctx); err != nil && ctx.Err() == nil {
			l.options.Logger.Warn("reading a topic for tails fails: it is retried", "err", err)
			sleep(ctx, l.options.Retry)
		}
	}
}

// watch cancels the fetch when there was no tail for a while.
func (l *Log) watch(ctx context.Context, cancel context.CancelFunc) {
	const looks = 4
	for idle := 0; idle < looks; {
		if sleep(ctx, l.options.Linger/looks); ctx.Err() != nil {
			return
		}
		l.mu.Lock()
		if idle++; l.tails > 0 {
			idle = 0
		}
		if idle == looks {
			l.running, l.fetched = false, nil
			clear(l.rings)
			cancel()
		}
		l.mu.Unlock()
	}
}

func sleep(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// fetchOn reads from where the rings end.
func (l *Log) fetchOn(ctx context.Context) error {
	l.mu.Lock()
	at := l.fetched.Clone()
	l.mu.Unlock()
	reader, err := l.source.Read(ctx, at)
	if err != nil {
		return err //nolint:wrapcheck // logged with what was done
	}
	defer reader.Close()
	for {
		batch, err := reader.Poll(ctx)
		if err != nil {
			return err //nolint:wrapcheck // logged with what was done
		}
		l.deliver(ctx, batch)
		sleep(ctx, l.options.Tick)
	}
}

// deliver appends a batch to all rings and wakes their tails. After a gap the rings begin anew: their tails read the
// log themselves, and are told the part of the gap that is theirs.
func (l *Log) deliver(ctx context.Context, batch proxy.Batch) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if ctx.Err() != nil {
		return // the rings are those of a later fetch
	}
	l.fetched.Pass(batch)
	for _, a := range l.rings {
		if len(batch.Gaps) > 0 {
			a.ring.restart(l.fetched)
		} else {
			a.ring.append(batch.Records, batch.Next)
		}
		for t := range a.tails {
			t.wake()
		}
	}
}
