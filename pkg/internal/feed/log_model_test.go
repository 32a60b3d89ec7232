package feed

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// TestTailsOfALog has tails of random speeds and places read a log that grows, expires and is truncated, whose fetch
// fails now and then.
func TestTailsOfALog(t *testing.T) {
	for seed := range uint64(300) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { newWorld(t, seed).run() })
		})
	}
}

// world is a log at Kafka, and its tails.
type world struct {
	t      *testing.T
	random *rand.Rand
	kafka  *fakeLog
	log    *Log
	tails  []*worldTail
}

func newWorld(t *testing.T, seed uint64) *world {
	random := rand.New(rand.NewPCG(seed, 2))
	w := &world{t: t, random: random, kafka: newFakeLog(1+random.IntN(3), seed)}
	w.log = NewLog(w.kafka, Options{
		RingBytes: 50 + random.IntN(500), ChunkBytes: 1 + random.IntN(100), Tick: time.Duration(random.IntN(3)) * time.Millisecond,
		Linger: time.Minute, Retry: 10 * time.Millisecond, CatchUps: make(chan struct{}, 1+random.IntN(3)), Logger: slog.New(slog.DiscardHandler),
	})
	return w
}

func (w *world) run() {
	w.kafka.grow(20)
	for range 150 {
		switch w.random.IntN(12) {
		case 0, 1, 2, 3:
			w.kafka.grow(w.random.IntN(6))
		case 4:
			w.kafka.expire()
		case 5:
			w.kafka.truncate()
		case 6:
			w.kafka.fail()
		case 7, 8:
			if len(w.tails) < 8 {
				w.open()
			}
		case 9:
			if len(w.tails) > 0 && w.random.IntN(3) == 0 {
				last := w.tails[len(w.tails)-1]
				last.close()
				w.tails = w.tails[:len(w.tails)-1]
			}
		}
		time.Sleep(time.Duration(w.random.IntN(20)) * time.Millisecond)
	}
	w.kafka.grow(3) // what was truncated is noticed
	time.Sleep(10 * time.Minute)
	synctest.Wait()
	for _, tail := range w.tails {
		tail.close()
		tail.check()
	}
	<-w.log.over // a minute after the last tail
}

func (w *world) open() {
	tail := &worldTail{world: w, woken: make(chan struct{}, 1), over: make(chan struct{}), seen: map[int32]map[int64]int32{}, at: map[int32]int64{}}
	var at proxy.Places
	if w.random.IntN(3) > 0 {
		at = w.kafka.somewhere(w.random)
	}
	encoder := textEncoder{}
	t, err := w.log.Open(w.t.Context(), "v", encoder, at, func() {
		select {
		case tail.woken <- struct{}{}:
		default:
		}
	})
	if err != nil {
		w.t.Fatal(err)
	}
	tail.tail = t
	if at == nil {
		at = t.Places()
	}
	tail.first = at.Clone()
	for partition, place := range at {
		tail.at[partition] = place.Offset
		tail.seen[partition] = map[int64]int32{}
	}
	tail.pause = time.Duration(w.random.IntN(4)*w.random.IntN(30)) * time.Millisecond
	w.tails = append(w.tails, tail)
	go tail.read(1 + w.random.IntN(200))
}

// worldTail is a client.
type worldTail struct {
	world *world
	tail  *Tail
	woken chan struct{}
	stop  sync.Once
	over  chan struct{}
	pause time.Duration
	first proxy.Places
	at    map[int32]int64           // behind what it was given
	seen  map[int32]map[int64]int32 // the epochs of what it was given, and not told to be truncated
	holes []proxy.Gap
	log   []string // what it was given
}

// textEncoder makes frames to be read by the test.
type textEncoder struct{}

func (textEncoder) AppendRecord(dst []byte, r *proxy.Record) []byte {
	return fmt.Appendf(dst, "record:%d:%d:%d ", r.Partition, r.Offset, r.Epoch)
}

func (textEncoder) AppendGap(dst []byte, g proxy.Gap) []byte {
	return fmt.Appendf(dst, "%s:%d:%d:%d ", g.Reason, g.Partition, g.From, g.To)
}

func (c *worldTail) close() {
	c.tail.Close()
	c.stop.Do(func() { close(c.woken) })
	<-c.over
}

func (c *worldTail) read(size int) {
	defer close(c.over)
	for range c.woken {
		for {
			frames := c.tail.Fill(nil, size)
			if len(frames) == 0 {
				break
			}
			for frame := range bytes.FieldsSeq(frames) {
				c.take(string(bytes.ReplaceAll(frame, []byte(":"), []byte(" "))))
			}
			time.Sleep(c.pause)
		}
	}
}

func (c *worldTail) take(frame string) {
	t := c.world.t
	var kind string
	var partition int32
	var from, to int64
	if _, err := fmt.Sscan(frame, &kind, &partition, &from, &to); err != nil {
		t.Errorf("the frame %q: %v", frame, err)
		return
	}
	c.log = append(c.log, frame)
	switch proxy.GapReason(kind) {
	case "record":
		if from < c.at[partition] {
			t.Errorf("partition %d: record %d comes at place %d", partition, from, c.at[partition])
		}
		c.seen[partition][from] = int32(to)
		c.at[partition] = from + 1
	case proxy.GapTruncated:
		for offset := range c.seen[partition] {
			if offset >= from {
				delete(c.seen[partition], offset)
			}
		}
		c.at[partition] = from
	case proxy.GapExpired:
		if from > c.at[partition]+100 || to <= from {
			t.Errorf("partition %d: a gap from %d to %d at place %d", partition, from, to, c.at[partition])
		}
		c.holes = append(c.holes, proxy.Gap{Partition: partition, From: from, To: to})
		c.at[partition] = to
	}
}

// check compares what the client was given with the log.
func (c *worldTail) check() {
	t, k := c.world.t, c.world.kafka
	if err := c.tail.Err(); err != nil {
		t.Errorf("the tail ended: %v", err)
	}
	for partition, p := range k.partitions {
		for _, r := range p.records {
			if r.Offset < c.first[int32(partition)].Offset || c.isHole(int32(partition), r.Offset) {
				continue
			}
			if epoch, is := c.seen[int32(partition)][r.Offset]; !is || epoch != r.Epoch {
				t.Errorf("partition %d from %d on: record %d of epoch %d is missing: got %v of epoch %d, live %v:\n%q",
					partition, c.first[int32(partition)].Offset, r.Offset, r.Epoch, is, epoch, c.tail.live, c.log)
				return
			}
		}
	}
}

func (c *worldTail) isHole(partition int32, offset int64) bool {
	for _, g := range c.holes {
		if g.Partition == partition && offset >= g.From && offset < g.To {
			return true
		}
	}
	return false
}

// fakeLog is a log at Kafka.
type fakeLog struct {
	mu         sync.Mutex
	random     *rand.Rand
	partitions []*fakePartition
	changed    chan struct{}
	failing    bool
}

type fakePartition struct {
	begin, end int64
	epoch      int32
	epochs     []proxy.Place // where each epoch begins
	records    []proxy.Record
}

func newFakeLog(partitions int, seed uint64) *fakeLog {
	k := &fakeLog{random: rand.New(rand.NewPCG(seed, 3)), changed: make(chan struct{})}
	for range partitions {
		k.partitions = append(k.partitions, &fakePartition{epochs: []proxy.Place{{0, 0}}})
	}
	return k
}

func (k *fakeLog) change(f func()) {
	k.mu.Lock()
	defer k.mu.Unlock()
	f()
	close(k.changed)
	k.changed = make(chan struct{})
}

func (k *fakeLog) grow(records int) {
	k.change(func() {
		for range records {
			n := k.random.IntN(len(k.partitions))
			p := k.partitions[n]
			p.end += int64(k.random.IntN(2))
			p.records = append(p.records, proxy.Record{Partition: int32(n), Offset: p.end, Epoch: p.epoch})
			p.end++
		}
	})
}

func (k *fakeLog) expire() {
	k.change(func() {
		p := k.partitions[k.random.IntN(len(k.partitions))]
		n := k.random.IntN(len(p.records)/2 + 1)
		if p.records = p.records[n:]; len(p.records) > 0 {
			p.begin = p.records[0].Offset
		}
	})
}

// truncate has a leader that did not have the last records.
func (k *fakeLog) truncate() {
	k.change(func() {
		p := k.partitions[k.random.IntN(len(k.partitions))]
		lost := k.random.IntN(min(len(p.records), 8) + 1)
		p.records = p.records[:len(p.records)-lost]
		p.end = p.begin
		if n := len(p.records); n > 0 {
			p.end = p.records[n-1].Offset + 1
		}
		p.epoch++
		for len(p.epochs) > 0 && p.epochs[len(p.epochs)-1].Offset > p.end {
			p.epochs = p.epochs[:len(p.epochs)-1]
		}
		p.epochs = append(p.epochs, proxy.Place{p.end, p.epoch})
	})
}

// fail ends all readers, and those of the next 50 ms.
func (k *fakeLog) fail() {
	k.change(func() { k.failing = true })
	time.AfterFunc(50*time.Millisecond, func() { k.change(func() { k.failing = false }) })
}

var errFake = errors.New("the broker fails")

func (k *fakeLog) somewhere(random *rand.Rand) proxy.Places {
	k.mu.Lock()
	defer k.mu.Unlock()
	at := proxy.Places{}
	for n, p := range k.partitions {
		place := proxy.Place{p.begin + random.Int64N(p.end-p.begin+1), -1}
		for _, r := range p.records {
			if r.Offset < place.Offset {
				place.Epoch = r.Epoch
			}
		}
		at[int32(n)] = place
	}
	return at
}

// Ends implements Source.
func (k *fakeLog) Ends(context.Context) (proxy.Places, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	ends := proxy.Places{}
	for n, p := range k.partitions {
		ends[int32(n)] = proxy.Place{p.end, p.epochOf(p.end)}
	}
	return ends, nil
}

// epochOf returns the epoch of the last record before an offset.
func (p *fakePartition) epochOf(offset int64) int32 {
	epoch := int32(-1)
	for _, r := range p.records {
		if r.Offset < offset {
			epoch = r.Epoch
		}
	}
	return epoch
}

// gap returns what the log does not have of a place, as Kafka's OffsetForLeaderEpoch tells it.
func (p *fakePartition) gap(partition int32, at proxy.Place) (proxy.Gap, bool) {
	end := p.end
	if at.Epoch >= 0 {
		for _, begun := range p.epochs {
			if begun.Epoch > at.Epoch {
				end = begun.Offset
				break
			}
		}
	}
	switch {
	case at.Offset > end:
		return proxy.Gap{partition, end, at.Offset, proxy.GapTruncated, proxy.Place{end, p.epoch}}, true
	case at.Offset < p.begin:
		return proxy.Gap{partition, at.Offset, p.begin, proxy.GapExpired, proxy.Place{p.begin, p.epoch}}, true
	}
	return proxy.Gap{}, false
}

// Check implements Source.
func (k *fakeLog) Check(_ context.Context, at proxy.Places) (proxy.Batch, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	b := proxy.Batch{Gaps: k.gaps(at), Next: proxy.Places{}}
	at = at.Clone()
	at.Pass(b)
	for partition, place := range at {
		b.Next[partition] = proxy.Place{place.Offset, k.partitions[partition].epoch}
	}
	return b, nil
}

func (k *fakeLog) gaps(at proxy.Places) (gaps []proxy.Gap) {
	for n, p := range k.partitions {
		if gap, is := p.gap(int32(n), at[int32(n)]); is {
			gaps = append(gaps, gap)
		}
	}
	return gaps
}

// Read implements Source.
func (k *fakeLog) Read(_ context.Context, at proxy.Places) (Reader, error) {
	return &fakeReader{k, at.Clone()}, nil
}

type fakeReader struct {
	log *fakeLog
	at  proxy.Places
}

func (r *fakeReader) Close() {}

// Poll implements Reader.
func (r *fakeReader) Poll(ctx context.Context) (proxy.Batch, error) {
	for {
		r.log.mu.Lock()
		changed := r.log.changed
		b := proxy.Batch{Gaps: r.log.gaps(r.at), Next: proxy.Places{}}
		r.at.Pass(b)
		most := 1 + r.log.random.IntN(10)
		for n, p := range r.log.partitions {
			for _, record := range p.records {
				if record.Offset >= r.at[int32(n)].Offset && len(b.Records) < most {
					b.Records = append(b.Records, record)
					b.Next[int32(n)] = proxy.Place{record.Offset + 1, record.Epoch}
				}
			}
		}
		failing := r.log.failing
		r.log.mu.Unlock()
		if failing && r.log.random.IntN(2) == 0 {
			return proxy.Batch{}, errFake
		}
		if len(b.Records)+len(b.Gaps) > 0 {
			r.at.Pass(b)
			return b, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return proxy.Batch{}, ctx.Err()
		}
	}
}
