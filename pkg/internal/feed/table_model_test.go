package feed

import (
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// TestASnapshotAndWhatFollowsAreTheLog has tails begin with the newest records of a log that grows and is compacted:
// with what comes behind them they must be what the log folds to, and no record may come twice.
func TestASnapshotAndWhatFollowsAreTheLog(t *testing.T) {
	for seed := range uint64(150) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { foldSnapshots(t, seed) })
		})
	}
}

func foldSnapshots(t *testing.T, seed uint64) {
	t.Helper()
	random := rand.New(rand.NewPCG(seed, 6))
	kafka := newFakeLog(1+random.IntN(3), seed)
	hub := NewHub(Options{
		RingBytes: 1 << 20, TableBytes: 1 << 20, ChunkBytes: 1 + random.IntN(300), Tick: time.Duration(random.IntN(30)) * time.Millisecond,
		Linger: time.Minute, Retry: 10 * time.Millisecond, Moves: 100 * time.Millisecond, CatchUps: 2, Logger: slog.New(slog.DiscardHandler),
	})
	log := newLog(Name{Topic: "t"}, kafka, hub)
	kafka.grow(random.IntN(60))
	folds := []*foldedTail{openFold(t, log, random)}
	for range 60 {
		kafka.grow(random.IntN(8))
		if random.IntN(5) == 0 {
			kafka.compact()
		}
		if random.IntN(10) == 0 {
			folds = append(folds, openFold(t, log, random))
		}
		if random.IntN(2) == 0 {
			time.Sleep(time.Duration(random.IntN(20)) * time.Millisecond)
		}
	}
	time.Sleep(time.Second)
	for _, f := range folds {
		f.finish(kafka)
	}
	<-log.over
	if held := hub.tables.held.Load(); held != 0 {
		t.Errorf("the tables hold %d bytes after all tails have ended", held)
	}
}

// foldedTail is a client that keeps the newest record of each key.
type foldedTail struct {
	t         *testing.T
	tail      *Tail
	selection *Selection
	wake      chan struct{}
	stop      chan struct{}
	over      chan struct{}

	pause  time.Duration // between two times that it takes records
	state  map[tableKey]int64
	seen   map[string]bool
	begun  bool
	behind bool // whether the snapshot has ended
	keys   int
}

func openFold(t *testing.T, log *Log, random *rand.Rand) *foldedTail {
	t.Helper()
	f := &foldedTail{
		t: t, wake: make(chan struct{}, 1), stop: make(chan struct{}), over: make(chan struct{}),
		state: map[tableKey]int64{}, seen: map[string]bool{},
	}
	if random.IntN(2) == 0 {
		f.selection = &Selection{Partition: proxy.AnyPartition, Keys: keySet("a1", "c")}
	}
	tail, err := log.Open(t.Context(), TailOptions{
		Variant: "v", NewEncoder: func() Encoder { return valueEncoder{} }, Snapshot: true, Selection: f.selection,
		Wake: f.wakeUp,
	})
	if err != nil {
		t.Fatal(err)
	}
	f.tail = tail
	f.pause = time.Duration(random.IntN(4)*random.IntN(10)) * time.Millisecond
	f.wakeUp()
	go f.read(1 + random.IntN(10))
	return f
}

func (f *foldedTail) wakeUp() {
	select {
	case f.wake <- struct{}{}:
	default:
	}
}

// valueEncoder makes frames that tell whether there is a value.
type valueEncoder struct{ textEncoder }

func (valueEncoder) AppendRecord(dst []byte, r *proxy.Record) []byte {
	return fmt.Appendf(dst, "record %d %d %v %s", r.Partition, r.Offset, r.Value != nil, r.Key)
}

func (f *foldedTail) read(most int) {
	defer close(f.over)
	for {
		select {
		case <-f.wake:
		case <-f.stop:
			return
		}
		for f.tail.Fill(most, f.record, f.control) > 0 {
			time.Sleep(f.pause)
		}
	}
}

func (f *foldedTail) record(frame []byte) bool {
	fields := strings.SplitN(string(frame), " ", 5)
	if position := fields[1] + " " + fields[2]; f.seen[position] {
		f.t.Errorf("record %s comes twice", position)
	} else {
		f.seen[position] = true
	}
	var key tableKey
	var offset int64
	if _, err := fmt.Sscan(fields[1]+" "+fields[2], &key.partition, &offset); err != nil {
		f.t.Error(err)
	}
	key.key = fields[4]
	switch {
	case key.key == "":
	case fields[3] == "true":
		f.state[key] = offset
	case !f.behind:
		f.t.Errorf("a tombstone of %v is in the snapshot", key)
	default:
		delete(f.state, key)
	}
	if !f.behind {
		f.keys++
	}
	return true
}

func (f *foldedTail) control(frame []byte) bool {
	var ends bool
	var keys int
	if _, err := fmt.Sscanf(string(frame), "snapshot:%t:%d:0", &ends, &keys); err != nil {
		f.t.Errorf("the frame %q: %v", frame, err)
	}
	if ends && keys != f.keys {
		f.t.Errorf("the snapshot is of %d keys, and %d came", keys, f.keys)
	}
	f.begun, f.behind = true, ends
	return true
}

// finish compares what the client has with what the log folds to.
func (f *foldedTail) finish(kafka *fakeLog) {
	f.tail.Close()
	close(f.stop)
	<-f.over
	want := map[tableKey]int64{}
	for partition, p := range kafka.partitions {
		for i := range p.records {
			r := &p.records[i]
			key := tableKey{int32(partition), string(r.Key)}
			if !f.selection.matches(r, func(r *proxy.Record) string { return string(r.Key) }, (*Filter).Matches) || r.Key == nil {
				continue
			}
			if delete(want, key); r.Value != nil {
				want[key] = r.Offset
			}
		}
	}
	if fmt.Sprint(f.state) != fmt.Sprint(want) {
		f.t.Errorf("the client has %v, the log %v", f.state, want)
	}
}

// compact removes records for which there is a newer one of the key.
func (k *fakeLog) compact() {
	k.change(func() {
		p := k.partitions[k.random.IntN(len(k.partitions))]
		newest := map[string]int64{}
		for i := range p.records {
			newest[string(p.records[i].Key)] = p.records[i].Offset
		}
		kept := p.records[:0:0]
		for i := range p.records {
			r := p.records[i]
			if r.Key == nil || newest[string(r.Key)] == r.Offset || i > len(p.records)-4 {
				kept = append(kept, r)
			}
		}
		p.records = kept
	})
}
