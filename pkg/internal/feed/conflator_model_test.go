package feed

import (
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// TestAtMostOneRecordOfAKeyInAnInterval has tails with an interval read a log that grows, from its end or from a place
// in the past, with and without a selection.
func TestAtMostOneRecordOfAKeyInAnInterval(t *testing.T) {
	for seed := range uint64(60) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { conflateInTime(t, seed) })
		})
	}
}

func conflateInTime(t *testing.T, seed uint64) {
	t.Helper()
	random := rand.New(rand.NewPCG(seed, 5))
	kafka := newFakeLog(1+random.IntN(3), seed)
	every := time.Duration(20+random.IntN(200)) * time.Millisecond
	hub := NewHub(Options{
		RingBytes: 1 << 20, ChunkBytes: 1 + random.IntN(300), Tick: time.Duration(random.IntN(3)) * time.Millisecond,
		Linger: time.Minute, Retry: 10 * time.Millisecond, Moves: 100 * time.Millisecond, CatchUps: 2, Logger: slog.New(slog.DiscardHandler),
	})
	log := newLog(Name{Topic: "t"}, kafka, hub)
	kafka.grow(random.IntN(30))
	var readers []*timedTail
	for range 1 + random.IntN(4) {
		readers = append(readers, openTimed(t, log, kafka, every, random))
	}
	for range 100 {
		kafka.grow(random.IntN(5))
		time.Sleep(time.Duration(random.IntN(40)) * time.Millisecond)
		for _, r := range readers {
			r.checkCursor()
		}
	}
	time.Sleep(time.Minute / 2)
	for _, r := range readers {
		r.checkCursor()
		r.finish()
	}
	<-log.over
}

// timedTail is a client that notes when it was given which record.
type timedTail struct {
	t         *testing.T
	kafka     *fakeLog
	tail      *Tail
	every     time.Duration
	selection *Selection
	first     proxy.Places
	isLive    bool // from the begin
	wake      chan struct{}
	stop      chan struct{}
	over      chan struct{}

	mu        sync.Mutex         // guards what follows
	given     map[tableKey]int64 // the newest offset of each key
	keyless   int
	records   int
	conflated int
	last      map[tableKey]time.Time
}

func openTimed(t *testing.T, log *Log, kafka *fakeLog, every time.Duration, random *rand.Rand) *timedTail {
	t.Helper()
	r := &timedTail{
		t: t, kafka: kafka, every: every, wake: make(chan struct{}, 1), stop: make(chan struct{}), over: make(chan struct{}),
		given: map[tableKey]int64{}, last: map[tableKey]time.Time{},
	}
	switch random.IntN(3) {
	case 0:
		r.selection = &Selection{Partition: proxy.AnyPartition, Keys: keySet("a1", "c")}
	case 1:
		r.selection = &Selection{Partition: proxy.AnyPartition, Prefixes: []string{"a", "b"}}
	}
	var at proxy.Places
	if random.IntN(2) == 0 {
		at = kafka.somewhere(random)
	}
	r.isLive = at == nil
	tail, err := log.Open(t.Context(), TailOptions{
		Variant: "v", NewEncoder: func() Encoder { return keyedEncoder{} }, At: at, Selection: r.selection, Slow: SlowLatest, Every: every,
		Wake: func() {
			select {
			case r.wake <- struct{}{}:
			default:
			}
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	r.tail = tail
	if r.first = at.Clone(); at == nil {
		r.first = kafka.ends()
	}
	go r.read()
	return r
}

// keyedEncoder makes frames with the key.
type keyedEncoder struct{ textEncoder }

func (keyedEncoder) AppendRecord(dst []byte, r *proxy.Record) []byte {
	return fmt.Appendf(dst, "record %d %d %s", r.Partition, r.Offset, r.Key)
}

func (r *timedTail) read() {
	defer close(r.over)
	for {
		select {
		case <-r.wake:
		case <-r.stop:
			return
		}
		r.mu.Lock()
		r.tail.Fill(1<<20, r.record, r.control)
		r.mu.Unlock()
	}
}

func (r *timedTail) record(frame []byte) bool {
	var key tableKey
	var offset int64
	fields := strings.SplitN(string(frame), " ", 4)
	if _, err := fmt.Sscan(fields[1]+" "+fields[2], &key.partition, &offset); err != nil {
		r.t.Errorf("the frame %q: %v", frame, err)
	}
	r.records++
	if key.key = fields[3]; key.key == "" {
		r.keyless++
		return true
	}
	if before, had := r.given[key]; had && offset <= before {
		r.t.Errorf("%v: offset %d comes after %d", key, offset, before)
	}
	now := time.Now()
	if last, had := r.last[key]; had && r.isLive && now.Sub(last) < r.every-5*time.Millisecond {
		r.t.Errorf("%v comes %v after the last one, the interval is %v", key, now.Sub(last), r.every)
	}
	r.given[key], r.last[key] = offset, now
	return true
}

func (r *timedTail) control(frame []byte) bool {
	var conflated int
	if _, err := fmt.Sscanf(string(frame), "conflated:%d", &conflated); err != nil {
		r.t.Errorf("the frame %q: %v", frame, err)
	}
	r.conflated += conflated
	return true
}

// wanted calls do with the records of the log that the client wants, from its begin on.
func (r *timedTail) wanted(do func(record *proxy.Record)) {
	r.kafka.mu.Lock()
	defer r.kafka.mu.Unlock()
	for partition, p := range r.kafka.partitions {
		for i := range p.records {
			record := &p.records[i]
			wants := r.selection.matches(record, func(r *proxy.Record) string { return string(r.Key) }, (*Filter).Matches)
			if wants && record.Offset >= r.first[int32(partition)].Offset {
				do(record)
			}
		}
	}
}

// checkCursor tells whether a record before the cursor is missing: the newest of a key must have been given, or be
// behind the cursor.
func (r *timedTail) checkCursor() {
	synctest.Wait()
	r.mu.Lock()
	defer r.mu.Unlock()
	cursor, _ := r.tail.Cursor()
	newest := map[tableKey]int64{}
	r.wanted(func(record *proxy.Record) {
		if record.Key != nil {
			newest[tableKey{record.Partition, string(record.Key)}] = record.Offset
		}
	})
	for key, offset := range newest {
		if r.given[key] < offset && offset < cursor.Places[key.partition].Offset {
			r.t.Errorf("%v: offset %d was not given, and the cursor is at %d", key, offset, cursor.Places[key.partition].Offset)
		}
	}
}

// finish compares what was given with the log.
func (r *timedTail) finish() {
	r.tail.Close()
	close(r.stop)
	<-r.over
	all, keyless := 0, 0
	newest := map[tableKey]int64{}
	r.wanted(func(record *proxy.Record) {
		if all++; record.Key == nil {
			keyless++
			return
		}
		newest[tableKey{record.Partition, string(record.Key)}] = record.Offset
	})
	for key, offset := range newest {
		if r.given[key] != offset {
			r.t.Errorf("%v: the newest is %d, and %d was given", key, offset, r.given[key])
		}
	}
	if r.keyless != keyless {
		r.t.Errorf("%d records without a key were given, of %d", r.keyless, keyless)
	}
	// What was held of a key when the tail began counts as left out when a newer record replaces it.
	if told := r.records + r.conflated; told < all || told > all+len(newest) {
		r.t.Errorf("%d records were given, %d left out, of %d", r.records, r.conflated, all)
	}
}
