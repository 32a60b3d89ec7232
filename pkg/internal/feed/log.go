package feed

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// Options are what logs are read with.
type Options struct {
	RingBytes  int64         // bytes of frames of the rings of all logs together, in all forms
	TableBytes int64         // bytes of the tables of newest records of all logs together
	ChunkBytes int           // bytes of frames of a chunk
	Tick       time.Duration // how long ready frames may wait for others
	Linger     time.Duration // how long a log is read on after its last tail
	Retry      time.Duration // pause after a failure
	Moves      time.Duration // how long after a record tails may learn that their places have moved past it
	Past       time.Duration // how far in the past rings begin, for a first tail that does
	CatchUps   int           // how many tails may read logs themselves at one time
	Used       func(int64)   // is told each change of the bytes that rings and tables hold; may be nil
	Compressor Compressor    // for tails with a Window; may be nil where none has
	Logger     *slog.Logger
}

// Variant names the frames of an encoder: tails with equal ones share them.
type Variant string

// errEnded is the error of a log that has ended since nobody read it.
var errEnded = errors.New("the log is not read anymore")

// Log is a log that is read for tails. It is fetched while there are any, and for a while after the last one. Then it
// has ended.
type Log struct {
	name    Name
	source  Source
	options Options
	memory  *memory
	tables  *tables
	turns   chan struct{} // has room for as many tails as may read logs themselves
	waiting *atomic.Int64 // how many tails wait for a turn
	over    chan struct{} // closed when the log has ended
	gone    context.Context
	stop    context.CancelFunc

	beginning chan struct{} // has room for the one who finds where the rings begin

	building sync.WaitGroup
	ends     endsLookups

	mu        sync.Mutex   // guards what follows
	fetched   proxy.Places // nil before the ends are known
	audiences map[audienceKey]*audience
	tails     int
	more      chan struct{} // closed when more is fetched
	running   bool
	ended     bool
	table     *table // nil where no tail has asked for one
	moved     bool   // whether tails are to be woken that have no new records
}

// Name names a topic instance.
type Name struct {
	Topic string
	ID    [16]byte // all zero where the broker tells none
}

// newLog returns a log that nothing is fetched of yet.
func newLog(name Name, source Source, h *Hub) *Log {
	l := &Log{
		name: name, source: source, options: h.options, memory: h.memory, tables: h.tables, turns: h.turns, waiting: &h.waiting,
		over: make(chan struct{}), beginning: make(chan struct{}, 1), audiences: map[audienceKey]*audience{}, more: make(chan struct{}),
	}
	l.gone, l.stop = context.WithCancel(context.Background())
	l.ends.source, l.ends.life, l.ends.begin = source, l.gone, l.building.Go
	return l
}

// audienceKey identifies the tails that read the same ring.
type audienceKey struct {
	variant Variant
	every   time.Duration // 0 where records are not conflated
	before  string        // what is left out before they are
}

// join adds a tail to those that read the same ring, and begins to fetch if it is the first. It is called behind begin.
// joined is called under the log's lock: the ring does not grow meanwhile.
func (l *Log) join(t *Tail, o *TailOptions, joined func(*audience)) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ended {
		return errEnded
	}
	key := audienceKey{variant: o.Variant}
	if o.Every > 0 {
		key.every, key.before = o.Every, o.before().sharedText()
	}
	a := l.audiences[key]
	if a == nil {
		a = newAudience(l.memory, l.options.ChunkBytes, l.fetched, t.newEncoder())
		if o.Every > 0 {
			a.conflator, a.before = newConflator(o.Every, l.fetched, a.encoder.AppendRecord), o.before()
		}
		l.audiences[key] = a
	}
	a.add(t, t.selection)
	l.memory.use(a.ring, 1)
	l.tails++
	if !l.running {
		l.running = true
		go l.fetch()
	}
	joined(a)
	return nil
}

func (l *Log) leave(t *Tail) {
	l.mu.Lock()
	defer l.mu.Unlock()
	t.audience.remove(t, t.selection)
	l.memory.use(t.audience.ring, -1)
	l.tails--
}

// fetch gives all rings what is written to the log, until there was no tail for a while, or the log is gone.
func (l *Log) fetch() {
	defer close(l.over)
	defer l.source.Close()
	defer l.building.Wait()
	var watching sync.WaitGroup
	defer watching.Wait()
	defer l.stop()
	watching.Go(l.watch)
	for l.gone.Err() == nil {
		err := l.fetchOn(l.gone)
		switch {
		case l.gone.Err() != nil:
			return
		case errors.Is(err, ErrGone):
			l.end(err)
		case err != nil:
			l.options.Logger.Warn("reading a topic for tails fails: it is retried", "topic", l.name.Topic, "err", err)
			sleep(l.gone, l.options.Retry)
		}
	}
}

// watch ends the log when there was no tail for a while.
func (l *Log) watch() {
	const looks = 4
	for idle := 0; idle < looks; {
		if sleep(l.gone, l.options.Linger/looks); l.gone.Err() != nil {
			return
		}
		l.mu.Lock()
		if idle++; l.tails > 0 {
			idle = 0
		}
		if idle == looks {
			l.finish()
		}
		l.mu.Unlock()
	}
}

// end ends the log and its tails.
func (l *Log) end(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, a := range l.audiences {
		for t := range a.whole {
			t.fail(err)
		}
		for t := range a.picky {
			t.fail(err)
		}
	}
	l.finish()
}

// finish ends the fetch. l.mu is held.
func (l *Log) finish() {
	l.ended = true
	if l.table != nil {
		l.table.fail(errEnded)
	}
	for _, a := range l.audiences {
		a.ring.close()
	}
	l.stop()
}

// isIdle tells whether the log has ended, or was never fetched.
func (l *Log) isIdle() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.ended || !l.running
}

// close ends the log, and waits for that.
func (l *Log) close() {
	l.abandon()
	l.mu.Lock()
	if !l.ended {
		l.finish()
	}
	l.mu.Unlock()
	<-l.over
}

// abandon ends a log that has never had a tail.
func (l *Log) abandon() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.running || l.ended {
		return
	}
	l.finish()
	l.source.Close()
	close(l.over)
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
		l.deliver(batch)
		if l.options.Tick > 0 {
			sleep(ctx, l.options.Tick)
		}
	}
}

// deliver gives a batch to all rings. After a gap the rings begin anew: their tails read the log themselves, and are
// told the part of the gap that is theirs. So they do when the leader of a partition first answers, since its tails may
// have come from other replicas with places of their own.
func (l *Log) deliver(batch proxy.Batch) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ended {
		return
	}
	anew := len(batch.Gaps) > 0 || l.answersFirst(batch)
	l.fetched.Pass(batch)
	l.keepTable(batch)
	close(l.more)
	l.more = make(chan struct{})
	for _, a := range l.audiences {
		switch {
		case anew:
			a.restart(l.fetched)
		case a.conflator != nil:
			l.deliverConflated(a, batch)
		default:
			a.deliver(batch)
		}
		l.tellMovesLater(a)
	}
}

// answersFirst tells whether a batch has the place of a partition of which only a time was known. l.mu is held.
func (l *Log) answersFirst(batch proxy.Batch) bool {
	for partition := range batch.Next {
		if l.fetched[partition].IsTime() {
			return true
		}
	}
	return false
}

// tellMovesLater has tellMoves called if an audience has tails that it concerns. l.mu is held.
func (l *Log) tellMovesLater(a *audience) {
	if len(a.picky) > 0 && !l.moved {
		l.moved = true
		time.AfterFunc(l.options.Moves, l.tellMoves)
	}
}

// tellMoves wakes tails whose places have moved past records that they are not given: those at the same places share
// a cursor.
func (l *Log) tellMoves() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.moved = false
	for _, a := range l.audiences {
		for t := range a.picky {
			t.wake()
		}
	}
}
