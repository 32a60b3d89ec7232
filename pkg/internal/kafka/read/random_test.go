package read

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

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

// testManyReaders has readers begin at random places while records are written and connections are cut. Each must
// get everything from its places on, once and in order.
func testManyReaders(t *testing.T, hosts ...string) {
	const partitions, readers = 3, 4
	random := rand.New(rand.NewPCG(1, uint64(time.Now().UnixNano())))
	r := newRig(t, partitions, hosts...)
	s := r.source()
	log := &written{records: map[int32]map[int64]string{0: {}, 1: {}, 2: {}}}
	r.writeSome(log, random, 50)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	done, stopCuts := make(chan struct{}), make(chan struct{})
	var reading, cutting sync.WaitGroup
	tails := make([]*randomTail, readers)
	for i := range tails {
		tails[i] = newRandomTail(s, rand.New(rand.NewPCG(uint64(i), random.Uint64())), log)
		reading.Go(func() { tails[i].run(ctx, done) })
	}
	cutting.Go(func() { r.cutSometimes(stopCuts) })
	for range 30 {
		r.writeSome(log, random, random.IntN(30))
		time.Sleep(time.Duration(random.IntN(40)) * time.Millisecond)
	}
	close(stopCuts)
	cutting.Wait()
	close(done)
	reading.Wait()
	for _, tail := range tails {
		tail.check(t)
	}
}

func (r *rig) cutSometimes(stop <-chan struct{}) {
	for {
		select {
		case <-time.After(100 * time.Millisecond):
			r.gate.Cut()
			r.gate.Mend()
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
	faults    []error
}

func newRandomTail(s *Source, random *rand.Rand, log *written) *randomTail {
	at := proxy.Places{}
	for p := range int32(3) {
		at[p] = proxy.Place{Offset: random.Int64N(int64(len(log.records[p]) + 1)), Epoch: random.Int32N(2) - 1}
	}
	return &randomTail{source: s, random: random, log: log, first: at.Clone(), at: at, got: map[int32]map[int64]string{0: {}, 1: {}, 2: {}}}
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
	for _, r := range batch.Records {
		if r.Offset < t.at[r.Partition].Offset {
			t.faults = append(t.faults, fmt.Errorf("record %d of partition %d comes at %v", r.Offset, r.Partition, t.at))
		}
		t.got[r.Partition][r.Offset] = string(r.Value)
		t.at[r.Partition] = proxy.Place{Offset: r.Offset + 1, Epoch: r.Epoch}
	}
	if len(batch.Gaps) > 0 {
		t.faults = append(t.faults, fmt.Errorf("gaps: %v", batch.Gaps))
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

func (t *randomTail) check(test *testing.T) {
	for _, fault := range t.faults {
		test.Error(fault)
	}
	for p, records := range t.log.records {
		for offset, value := range records {
			if got, is := t.got[p][offset]; offset >= t.first[p].Offset && (!is || got != value) {
				test.Errorf("record %d of partition %d: got %q, want %q", offset, p, got, value)
			}
		}
	}
}
