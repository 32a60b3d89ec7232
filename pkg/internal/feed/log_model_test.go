package feed

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// TestTailsOfALog has tails of random speeds and places read a log that grows, expires and is truncated, whose fetch
// fails now and then.
func TestTailsOfALog(t *testing.T) { runWorlds(t, 200) }

// TestLongTailsOfALog runs more worlds: some faults needed thousands.
func TestLongTailsOfALog(t *testing.T) { runWorlds(t, 3000) }

func runWorlds(t *testing.T, seeds uint64) {
	t.Helper()
	for seed := range seeds {
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
	memory *memory
	tails  []*worldTail
}

func newWorld(t *testing.T, seed uint64) *world {
	t.Helper()
	random := rand.New(rand.NewPCG(seed, 2))
	w := &world{t: t, random: random, kafka: newFakeLog(1+random.IntN(3), seed)}
	hub := NewHub(Options{
		RingBytes: int64(50 + random.IntN(1000)), ChunkBytes: 1 + random.IntN(100), Tick: time.Duration(random.IntN(3)) * time.Millisecond,
		Linger: time.Minute, Retry: 10 * time.Millisecond, Moves: 100 * time.Millisecond, Past: 500 * time.Millisecond, CatchUps: 1 + random.IntN(3),
		TableBytes: 1 << 30, Compressor: tokens{}, Logger: slog.New(slog.DiscardHandler),
	})
	w.log = newLog(Name{Topic: "t"}, w.kafka, hub)
	w.memory = hub.memory
	return w
}

func (w *world) run() {
	w.kafka.grow(20)
	for range 150 {
		switch w.random.IntN(14) {
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
		case 10:
			if len(w.tails) > 0 {
				w.tails[w.random.IntN(len(w.tails))].selectAnew()
			}
		case 11:
			w.kafka.leave()
		case 12, 13:
			w.kafka.lead()
		}
		time.Sleep(time.Duration(w.random.IntN(20)) * time.Millisecond)
	}
	w.kafka.lead()
	w.kafka.grow(3) // what was truncated is noticed
	time.Sleep(10 * time.Minute)
	synctest.Wait()
	for _, tail := range w.tails {
		tail.close()
		tail.check()
	}
	<-w.log.over // a minute after the last tail
	if held := w.memory.held.Load(); held != 0 {
		w.t.Errorf("the rings hold %d bytes after all tails have ended", held)
	}
}

func (w *world) open() {
	tail := &worldTail{world: w, woken: make(chan struct{}, 1), stopped: make(chan struct{}), over: make(chan struct{}), seen: map[int32]map[int64]int32{}, at: map[int32]int64{}}
	var at proxy.Places
	if w.random.IntN(3) > 0 {
		at = w.kafka.somewhere(w.random)
	}
	switch w.random.IntN(6) {
	case 0, 1:
		tail.slow = SlowSkip
	case 2:
		tail.slow = SlowLatest
	}
	tail.selections = []selected{{nil, w.selection()}}
	tail.peer.size = []int{1 << 20, 0, 60}[len(w.tails)%3]
	window := &Window{}
	window.Open(tail.peer.size, true)
	t, err := w.log.Open(w.t.Context(), TailOptions{
		Variant: "v", NewEncoder: func() Encoder { return textEncoder{} }, At: at, Selection: tail.selections[0].by, Slow: tail.slow, Window: window,
		Wake: func() {
			select {
			case tail.woken <- struct{}{}:
			default:
			}
		},
	})
	if err != nil {
		w.t.Fatal(err)
	}
	tail.tail = t
	for range rand.IntN(40) { // what the tail reads with may be anywhere
		runtime.Gosched()
	}
	if at == nil {
		at = t.at()
	}
	tail.first = at.Clone()
	for partition := range int32(len(w.kafka.partitions)) {
		tail.at[partition] = at[partition].Offset
		tail.seen[partition] = map[int64]int32{}
	}
	tail.pause = time.Duration(w.random.IntN(4)*w.random.IntN(30)) * time.Millisecond
	w.tails = append(w.tails, tail)
	go tail.read(1 + w.random.IntN(200))
}

// worldTail is a client.
type worldTail struct {
	world      *world
	tail       *Tail
	woken      chan struct{}
	stopped    chan struct{}
	stop       sync.Once
	over       chan struct{}
	pause      time.Duration
	slow       Slow
	peer       tokenPeer
	selections []selected
	first      proxy.Places
	at         map[int32]int64           // behind what it was given
	seen       map[int32]map[int64]int32 // the epochs of what it was given, and not told to be truncated
	holes      []proxy.Gap
	log        []string // what it was given
}

// at returns the places of the tail.
func (t *Tail) at() proxy.Places {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.spot.places()
}

// selection returns some selection.
func (w *world) selection() *Selection {
	s := &Selection{Partition: proxy.AnyPartition}
	if w.random.IntN(3) == 0 {
		s.Where = whereUnit(modelUnits[w.random.IntN(len(modelUnits)-1)])
	}
	switch w.random.IntN(7) {
	case 0:
		return nil
	case 6:
	case 1:
		s.Prefixes = []string{"a"}
	case 2:
		s.Keys, s.Prefixes = keySet(w.someKey(), w.someKey()), []string{"b"}
	case 3:
		s.Allowed = &Allowed{Rule: "no b", Keys: func(key string) bool { return key[0] != 'b' }}
	case 4:
		s.Partition = 0
	default:
		s.Keys = keySet(w.someKey(), w.someKey())
	}
	return s
}

func keySet(keys ...string) map[string]struct{} {
	set := map[string]struct{}{}
	for _, key := range keys {
		set[key] = struct{}{}
	}
	return set
}

func (w *world) someKey() string { return modelKeys[w.random.IntN(len(modelKeys)-1)] }

// modelKeys are those of records; the last is null.
var modelKeys = []string{"a1", "a2", "b1", "b2", "c", ""}

// modelUnits are the headers of records that conditions look at; the last is none.
var modelUnits = []string{"x", "y", ""}

func unitOf(unit string) []proxy.Header { return []proxy.Header{{Key: "unit", Value: []byte(unit)}} }

// whereUnit is a condition that records with a unit meet.
func whereUnit(unit string) *Filter {
	f, err := ParseFilter(fmt.Appendf(nil, `{"header":"unit","eq":%q}`, unit))
	if err != nil {
		panic(err)
	}
	return f
}

// selected is a selection, and the ends of the log when the tail got it.
type selected struct {
	from proxy.Places
	by   *Selection
}

// selectAnew gives the tail another selection.
func (c *worldTail) selectAnew() {
	next := selected{c.world.kafka.ends(), c.world.selection()}
	c.tail.Select(next.by)
	c.selections = append(c.selections, next)
}

// wants tells whether the tail must be given a record, and whether it may. Of those that it was not given when its
// selection was replaced, it is given what either wants.
func (c *worldTail) wants(r *proxy.Record) (must, may bool) {
	must = true
	for _, v := range slices.Backward(c.selections) {
		matches := v.by.matches(r, func(r *proxy.Record) string { return string(r.Key) }, (*Filter).Matches)
		must, may = must && matches, may || matches
		if from := v.from; from != nil && r.Offset >= from[r.Partition].Offset {
			break
		}
	}
	return must, may
}

// textEncoder makes frames to be read by the test.
type textEncoder struct{}

func (textEncoder) AppendRecord(dst []byte, r *proxy.Record) []byte {
	return fmt.Appendf(dst, "record:%d:%d:%d ", r.Partition, r.Offset, r.Epoch)
}

func (textEncoder) AppendKey(dst []byte, r *proxy.Record) []byte { return append(dst, r.Key...) }

func (textEncoder) AppendSnapshot(dst []byte, ends bool, keys int) []byte {
	return fmt.Appendf(dst, "snapshot:%v:%d:0 ", ends, keys)
}

func (textEncoder) AppendConflated(dst []byte, records int) []byte {
	return fmt.Appendf(dst, "conflated:%d:0:0 ", records)
}

func (textEncoder) AppendGap(dst []byte, g proxy.Gap) []byte {
	return fmt.Appendf(dst, "%s:%d:%d:%d ", g.Reason, g.Partition, g.From, g.To)
}

func (c *worldTail) close() {
	c.tail.Close()
	c.stop.Do(func() { close(c.stopped) })
	<-c.over
}

func (c *worldTail) read(size int) {
	defer close(c.over)
	for {
		select {
		case <-c.woken:
		case <-c.stopped:
			return
		}
		for {
			var frames []byte
			take := func(frame []byte) bool {
				frames = append(frames, c.peer.plain(c.world.t, frame)...)
				return len(frames) < size
			}
			if c.tail.Fill(1+size/10, take, take); c.tail.Err() != nil {
				c.world.t.Errorf("the tail ended: %v", c.tail.Err())
				return
			}
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
			t.Errorf("partition %d: record %d comes at place %d: %q", partition, from, c.at[partition], c.log)
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
	case proxy.GapSlow:
		if c.slow != SlowSkip || from < c.at[partition] || to <= from {
			t.Errorf("partition %d: a slow gap from %d to %d at place %d: %q", partition, from, to, c.at[partition], c.log)
		}
		c.holes = append(c.holes, proxy.Gap{Partition: partition, From: from, To: to})
		c.at[partition] = to
	case proxy.GapExpired:
		if at := c.at[partition]; at >= 0 && from > at+100 || to <= from {
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
			if c.isBefore(&r) || c.isHole(int32(partition), r.Offset) {
				continue
			}
			epoch, is := c.seen[int32(partition)][r.Offset]
			must, may := c.wants(&r)
			if is && !may {
				t.Errorf("partition %d: record %d of epoch %d with the key %q is not wanted, got epoch %d: %v\n%q",
					partition, r.Offset, r.Epoch, r.Key, epoch, c.selections, c.log)
				return
			}
			if !is && c.slow == SlowLatest && p.epoch > 0 {
				continue // the newest of a key may have been truncated, and those before it were left out
			}
			if !is && c.slow == SlowLatest && c.hasNewer(p, int32(partition), &r) {
				continue
			}
			if must && !is || is && epoch != r.Epoch {
				t.Errorf("partition %d from %d on: record %d of epoch %d with the key %q is missing: got %v of epoch %d, live %v, slow %d, selections %v, holes %v:\n%q",
					partition, c.first[int32(partition)].Offset, r.Offset, r.Epoch, r.Key, is, epoch, c.tail.live, c.slow, c.selections, c.holes, c.log)
				return
			}
		}
	}
}

// isBefore tells whether a record may have been there when the tail began.
func (c *worldTail) isBefore(r *proxy.Record) bool {
	first := c.first[r.Partition]
	if first.IsTime() {
		return r.Timestamp < first.Time()
	}
	return r.Offset < first.Offset
}

// hasNewer tells whether the client was given a newer record of the key.
func (c *worldTail) hasNewer(p *fakePartition, partition int32, r *proxy.Record) bool {
	if r.Key == nil {
		return false
	}
	for i := range p.records {
		if each := &p.records[i]; each.Offset > r.Offset && bytes.Equal(each.Key, r.Key) {
			if epoch, is := c.seen[partition][each.Offset]; is && epoch == each.Epoch {
				return true
			}
		}
	}
	return false
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
	reads      int // how many readers there were
}

type fakePartition struct {
	leaderless bool
	begin, end int64
	epoch      int32
	epochs     []proxy.Place // where each epoch begins
	records    []proxy.Record
}

func newFakeLog(partitions int, seed uint64) *fakeLog {
	k := &fakeLog{random: rand.New(rand.NewPCG(seed, 3)), changed: make(chan struct{})}
	for range partitions {
		k.partitions = append(k.partitions, &fakePartition{epochs: []proxy.Place{{Offset: 0, Epoch: 0}}})
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
			if k.partitions[n].leaderless {
				continue
			}
			k.partitions[n].end += int64(k.random.IntN(2)) // an offset that holds no record
			record := proxy.Record{Partition: int32(n)}
			if key := modelKeys[k.random.IntN(len(modelKeys))]; key != "" {
				record.Key = []byte(key)
			}
			if k.random.IntN(4) > 0 {
				record.Value = []byte("v")
			}
			if unit := modelUnits[k.random.IntN(len(modelUnits))]; unit != "" {
				record.Headers = unitOf(unit)
			}
			k.partitions[n].write(&record)
		}
	})
}

// write appends a record, which gets its offset and epoch.
func (p *fakePartition) write(r *proxy.Record) {
	r.Offset, r.Epoch, r.Timestamp = p.end, p.epoch, time.Now().UnixMilli()
	p.records = append(p.records, *r)
	p.end++
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

// leave has a partition have no leader, unless it is the last one that has.
func (k *fakeLog) leave() {
	k.change(func() {
		led := 0
		for _, p := range k.partitions {
			if !p.leaderless {
				led++
			}
		}
		if led > 1 {
			k.partitions[k.random.IntN(len(k.partitions))].leaderless = true
		}
	})
}

// lead has all partitions have leaders.
func (k *fakeLog) lead() {
	k.change(func() {
		for _, p := range k.partitions {
			p.leaderless = false
		}
	})
}

func (k *fakeLog) truncate() {
	k.change(func() {
		p := k.partitions[k.random.IntN(len(k.partitions))]
		if p.leaderless {
			return
		}
		p.truncate(k.random.IntN(min(len(p.records), 8) + 1))
	})
}

// truncate has a leader that did not have the last records.
func (p *fakePartition) truncate(lost int) {
	p.records = p.records[:len(p.records)-lost]
	p.end = p.begin
	if n := len(p.records); n > 0 {
		p.end = p.records[n-1].Offset + 1
	}
	p.epoch++
	for len(p.epochs) > 0 && p.epochs[len(p.epochs)-1].Offset > p.end {
		p.epochs = p.epochs[:len(p.epochs)-1]
	}
	p.epochs = append(p.epochs, proxy.Place{Offset: p.end, Epoch: p.epoch})
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
		place := proxy.Place{Offset: p.begin + random.Int64N(p.end-p.begin+1), Epoch: -1}
		for _, r := range p.records {
			if r.Offset < place.Offset {
				place.Epoch = r.Epoch
			}
		}
		switch random.IntN(12) {
		case 0, 1: // of a tail that began while there was no leader
			place = proxy.AtTime(time.Now().UnixMilli() - random.Int64N(200))
		case 2: // of a tail that began before there was the partition
			continue
		}
		at[int32(n)] = place
	}
	return at
}

// Starts implements Source.
func (k *fakeLog) Starts(context.Context) (proxy.Places, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	starts := proxy.Places{}
	for n, p := range k.partitions {
		if starts[int32(n)] = (proxy.Place{Offset: p.begin, Epoch: -1}); p.leaderless {
			starts[int32(n)] = proxy.AtTime(0)
		}
	}
	return starts, nil
}

// At implements Source.
func (k *fakeLog) At(_ context.Context, timestamp int64) (proxy.Places, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	places := proxy.Places{}
	for n, p := range k.partitions {
		if places[int32(n)] = (proxy.Place{Offset: p.firstSince(timestamp), Epoch: p.epoch}); p.leaderless {
			places[int32(n)] = proxy.AtTime(timestamp)
		}
	}
	return places, nil
}

// Close implements Source.
func (k *fakeLog) Close() {}

// ends returns the ends of the log.
func (k *fakeLog) ends() proxy.Places {
	k.mu.Lock()
	defer k.mu.Unlock()
	ends := proxy.Places{}
	for n, p := range k.partitions {
		ends[int32(n)] = proxy.Place{Offset: p.end}
	}
	return ends
}

// Ends implements Source.
func (k *fakeLog) Ends(context.Context) (proxy.Places, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	ends := proxy.Places{}
	for n, p := range k.partitions {
		if ends[int32(n)] = (proxy.Place{Offset: p.end, Epoch: p.epochOf(p.end)}); p.leaderless {
			ends[int32(n)] = proxy.AtTime(time.Now().UnixMilli())
		}
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
		return proxy.Gap{Partition: partition, From: end, To: at.Offset, Reason: proxy.GapTruncated, Then: proxy.Place{Offset: end, Epoch: p.epoch}}, true
	case at.Offset < p.begin:
		return proxy.Gap{Partition: partition, From: at.Offset, To: p.begin, Reason: proxy.GapExpired, Then: proxy.Place{Offset: p.begin, Epoch: p.epoch}}, true
	}
	return proxy.Gap{}, false
}

// Check implements Source.
func (k *fakeLog) Check(_ context.Context, at proxy.Places) (proxy.Batch, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	at = k.known(at)
	b := proxy.Batch{Gaps: k.gaps(at), Next: proxy.Places{}}
	at.Pass(b)
	for partition, place := range at {
		b.Next[partition] = proxy.Place{Offset: place.Offset, Epoch: k.partitions[partition].epoch}
	}
	return b, nil
}

// known returns the places of partitions that have a leader, which knows the offsets of times.
func (k *fakeLog) known(at proxy.Places) proxy.Places {
	known := proxy.Places{}
	for n, p := range k.partitions {
		place, has := at[int32(n)]
		if !has {
			place.Offset = p.begin
		}
		if place.IsTime() {
			place = proxy.Place{Offset: p.firstSince(place.Time()), Epoch: p.epoch}
		}
		if !p.leaderless {
			known[int32(n)] = place
		}
	}
	return known
}

// firstSince returns the offset of the first record that is not older than a time, or the end.
func (p *fakePartition) firstSince(ms int64) int64 {
	for i := range p.records {
		if p.records[i].Timestamp >= ms {
			return p.records[i].Offset
		}
	}
	return p.end
}

func (k *fakeLog) gaps(at proxy.Places) (gaps []proxy.Gap) {
	for _, partition := range at.Partitions() {
		if gap, is := k.partitions[partition].gap(partition, at[partition]); is {
			gaps = append(gaps, gap)
		}
	}
	return gaps
}

// Read implements Source.
func (k *fakeLog) Read(_ context.Context, at proxy.Places) (Reader, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.reads++
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
		known := r.log.known(r.at)
		b := proxy.Batch{Gaps: r.log.gaps(known), Next: proxy.Places{}}
		r.at.Pass(b)
		for partition, place := range known {
			if here, has := r.at[partition]; here.IsTime() || !has {
				r.at[partition], b.Next[partition] = place, place
			}
		}
		most := 1 + r.log.random.IntN(10)
		for n, p := range r.log.partitions {
			for _, record := range p.records {
				if !p.leaderless && record.Offset >= r.at[int32(n)].Offset && len(b.Records) < most {
					b.Records = append(b.Records, record)
					b.Next[int32(n)] = proxy.Place{Offset: record.Offset + 1, Epoch: record.Epoch}
				}
			}
		}
		fails := r.log.failing && r.log.random.IntN(2) == 0
		r.log.mu.Unlock()
		if fails {
			return proxy.Batch{}, errFake
		}
		if len(b.Next)+len(b.Gaps) > 0 {
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
