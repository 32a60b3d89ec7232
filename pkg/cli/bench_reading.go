package cli

import (
	"context"
	"strconv"
	"sync"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/client"
)

// seenSet remembers which messages of a part were read: a record that comes twice counts once.
type seenSet struct {
	bits []uint64
	n    int
}

func newSeenSet(messages int) *seenSet { return &seenSet{bits: make([]uint64, messages/64+1)} }

// add tells whether n is new.
func (s *seenSet) add(n int) bool {
	if n < 0 || n/64 >= len(s.bits) || s.bits[n/64]&(1<<(n%64)) != 0 {
		return false
	}
	s.bits[n/64] |= 1 << (n % 64)
	s.n++
	return true
}

// before is how much older than the first record, in milliseconds, the place is from which on the topic is read: clocks of replicas and
// brokers differ, and records of partitions are not written in their order.
const before = 10_000

// read reads what the last part has written, from the timestamp of its first record on.
func (m *measuring) read(ctx context.Context, first int64) (r result, err error) {
	seen := newSeenSet(m.flags.messages)
	var began time.Time
	for e, err := range m.client.Tail(ctx, m.tailing("timestamp:"+strconv.FormatInt(max(0, first-before), 10), true)) {
		switch {
		case err != nil:
			return r, err
		case e.Record == nil:
			continue
		}
		n, _, ok := m.numbered(e.Record.Key)
		if !ok || !seen.add(n) {
			continue
		}
		if m.seen.Store(int64(seen.n)); seen.n == 1 {
			began = time.Now()
		}
		if seen.n == m.flags.messages {
			break
		}
	}
	if seen.n < m.flags.messages {
		return r, errLost(seen.n, m.flags.messages)
	}
	return m.result("read, as fast as it goes", seen.n, time.Since(began), nil), nil
}

// pace writes at a pace while it reads the end of the topic.
func (m *measuring) pace(ctx context.Context) (written, read result, err error) {
	m.begin()
	ctx, cancel := context.WithCancelCause(ctx)
	p := pacing{measuring: m, cancel: cancel, seen: newSeenSet(m.flags.paced), waits: new(histogram), acked: make(chan result, 1)}
	defer p.writing.Wait()
	defer cancel(nil)
	if err := p.read(ctx); err != nil {
		return written, read, err
	}
	read = m.result(p.name("read"), p.seen.n, time.Since(p.began), p.waits)
	select { // the last ack may come behind the last record
	case written = <-p.acked:
		return written, read, nil
	case <-ctx.Done():
		return written, read, context.Cause(ctx)
	}
}

// pacing is the part at a pace.
type pacing struct {
	*measuring

	cancel  context.CancelCauseFunc
	began   time.Time
	seen    *seenSet
	waits   *histogram
	acked   chan result // the result of writing, when all is acknowledged
	writing sync.WaitGroup
}

func (p *pacing) name(what string) string { return what + " at " + strconv.Itoa(p.flags.rate) + "/s" }

// read begins to write when it reads already, and ends when all was read.
func (p *pacing) read(ctx context.Context) error {
	for e, err := range p.client.Tail(ctx, p.tailing("latest", false)) {
		switch {
		case err != nil:
			return err
		case e.Started != nil && p.began.IsZero(): // from here on every record comes
			p.began = time.Now()
			p.writing.Go(func() { p.writeAll(ctx) })
		case e.Record == nil:
			continue
		default:
			p.take(e.Record)
		}
		if p.seen.n == p.flags.paced {
			break
		}
	}
	return nil
}

func (p *pacing) take(r *client.Record) {
	if n, due, ok := p.numbered(r.Key); ok && p.seen.add(n) {
		p.waits.add(time.Since(p.measuring.began) - due)
		p.measuring.seen.Store(int64(p.seen.n))
	}
}

// writeAll ends the reading if writing fails, or if a record does not come.
func (p *pacing) writeAll(ctx context.Context) {
	written, _, err := p.write(ctx, part{p.name("written"), p.flags.paced, p.flags.rate})
	if err != nil {
		p.cancel(err)
		return
	}
	p.acked <- written
	if sleepUntil(ctx, time.Now().Add(p.flags.wait)) == nil {
		p.cancel(errLost(int(p.measuring.seen.Load()), p.flags.paced))
	}
}
