package read

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/kafkatest"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// written is what a test has written.
type written struct {
	mu      sync.Mutex
	records map[int32]map[int64]string
	count   int
}

// testManyReaders cuts connections while records are written and read.
func testManyReaders(r *rig) {
	r.create(3)
	r.manyReaders(func(*rand.Rand) {})
}

// TestManyReadersOfAClusterThatChanges also moves leaders, and deletes records.
func TestManyReadersOfAClusterThatChanges(t *testing.T) {
	t.Parallel()
	broker, err := kfake.NewCluster(kfake.NumBrokers(3))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(broker.Close)
	r := newRig(t, 3, broker.ListenAddrs()...)
	r.manyReaders(func(random *rand.Rand) {
		if err := broker.MoveTopicPartition(r.topic, random.Int32N(3), random.Int32N(3)); err != nil {
			t.Error(err)
		}
		if p := broker.PartitionInfo(r.topic, 0); random.IntN(4) == 0 && p.HighWatermark > p.LogStartOffset {
			if err := broker.DeleteRecords(r.topic, 0, p.LogStartOffset+random.Int64N(p.HighWatermark-p.LogStartOffset)); err != nil {
				t.Error(err)
			}
		}
	})
}

// manyReaders has readers begin at random places while records are written, connections are cut and more happens.
// Each must get everything from its places on, once and in order, or be told what it does not get.
func (r *rig) manyReaders(disturb func(*rand.Rand)) {
	const readers = 4
	seed := uint64(time.Now().UnixNano())
	r.Logf("the seed is %d", seed)
	random := rand.New(rand.NewPCG(1, seed))
	s := r.source()
	log := &written{records: map[int32]map[int64]string{0: {}, 1: {}, 2: {}}}
	r.writeSome(log, random, 50)
	ctx, cancel := context.WithTimeout(r.Context(), time.Minute)
	defer cancel()
	done, calm := make(chan struct{}), make(chan struct{})
	var reading, disturbing sync.WaitGroup
	tails := make([]*randomTail, readers)
	for i := range tails {
		tails[i] = newRandomTail(s, rand.New(rand.NewPCG(uint64(i), seed)), log)
		reading.Go(func() { tails[i].run(ctx, done) })
	}
	disturbing.Go(func() { r.disturb(rand.New(rand.NewPCG(readers, seed)), disturb, calm) })
	for range 30 {
		r.writeSome(log, random, random.IntN(30))
		time.Sleep(time.Duration(random.IntN(40)) * time.Millisecond)
	}
	close(calm)
	disturbing.Wait()
	close(done)
	reading.Wait()
	for _, tail := range tails {
		tail.check(r)
	}
}

func (r *rig) disturb(random *rand.Rand, disturb func(*rand.Rand), stop <-chan struct{}) {
	for {
		select {
		case <-time.After(100 * time.Millisecond):
			if random.IntN(2) == 0 {
				r.gate.Cut()
				r.gate.Mend()
			}
			disturb(random)
		case <-stop:
			return
		}
	}
}

func (r *rig) writeSome(log *written, random *rand.Rand, n int) {
	for range n {
		record := &kgo.Record{Topic: r.topic, Partition: random.Int32N(3), Value: fmt.Append(nil, random.Uint64())}
		r.client.Produce(kafkatest.Deadline(r), record, func(record *kgo.Record, err error) {
			if err != nil {
				r.Error(err)
				return
			}
			log.mu.Lock()
			defer log.mu.Unlock()
			log.records[record.Partition][record.Offset] = string(record.Value)
			log.count++
		})
	}
	if err := r.client.Flush(kafkatest.Deadline(r)); err != nil {
		r.Error(err)
	}
}

// randomTail reads as the feed does: after an error from its places on.
type randomTail struct {
	source    *Source
	random    *rand.Rand
	log       *written
	first, at proxy.Places
	got       map[int32]map[int64]string
	gone      map[int32]map[int64]bool // what gaps told
	faults    []error
}

func newRandomTail(s *Source, random *rand.Rand, log *written) *randomTail {
	at := proxy.Places{}
	for p := range int32(3) {
		at[p] = proxy.Place{Offset: random.Int64N(int64(len(log.records[p]) + 1)), Epoch: random.Int32N(2) - 1}
	}
	return &randomTail{
		source: s, random: random, log: log, first: at.Clone(), at: at,
		got: map[int32]map[int64]string{0: {}, 1: {}, 2: {}}, gone: map[int32]map[int64]bool{0: {}, 1: {}, 2: {}},
	}
}

func (t *randomTail) run(ctx context.Context, done <-chan struct{}) {
	for ctx.Err() == nil {
		reader, err := t.source.Read(ctx, t.at)
		if err != nil {
			continue
		}
		over := t.read(ctx, reader, done)
		reader.Close()
		if over {
			return
		}
	}
	t.faults = append(t.faults, ctx.Err())
}

func (t *randomTail) read(ctx context.Context, reader *Reader, done <-chan struct{}) (over bool) {
	for polls := t.random.IntN(20); polls > 0; polls-- {
		polling, cancel := context.WithTimeout(ctx, time.Second)
		batch, err := reader.Poll(polling)
		cancel()
		if err != nil && !errors.Is(err, context.DeadlineExceeded) {
			return false
		}
		t.take(batch)
		select {
		case <-done:
			if t.hasAll() {
				return true
			}
		default:
			time.Sleep(time.Duration(t.random.IntN(30)) * time.Millisecond)
		}
	}
	return false
}

func (t *randomTail) take(batch proxy.Batch) {
	for _, gap := range batch.Gaps {
		if gap.Reason != proxy.GapExpired || gap.From != t.at[gap.Partition].Offset {
			t.faults = append(t.faults, fmt.Errorf("the gap %v at %v", gap, t.at))
		}
		for offset := gap.From; offset < gap.To; offset++ {
			t.gone[gap.Partition][offset] = true
		}
		t.at[gap.Partition] = gap.Then
	}
	for _, r := range batch.Records {
		if r.Offset < t.at[r.Partition].Offset {
			t.faults = append(t.faults, fmt.Errorf("record %d of partition %d comes at %v", r.Offset, r.Partition, t.at))
		}
		t.got[r.Partition][r.Offset] = string(r.Value)
		t.at[r.Partition] = proxy.Place{Offset: r.Offset + 1, Epoch: r.Epoch}
	}
	t.at.Pass(batch)
}

func (t *randomTail) hasAll() bool {
	t.log.mu.Lock()
	defer t.log.mu.Unlock()
	for p, records := range t.log.records {
		if t.at[p].Offset < int64(len(records)) {
			return false
		}
	}
	return true
}

func (t *randomTail) check(r *rig) {
	for _, fault := range t.faults {
		r.Error(fault)
	}
	for p, records := range t.log.records {
		for offset, value := range records {
			if got, is := t.got[p][offset]; offset >= t.first[p].Offset && !t.gone[p][offset] && (!is || got != value) {
				r.Errorf("record %d of partition %d: got %q, want %q", offset, p, got, value)
			}
		}
	}
}
