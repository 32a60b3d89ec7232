package share

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/budget"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/kafkatest"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/limit"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// member returns the worker's member.
func (h *hand) member() *member {
	h.groups.mu.Lock()
	defer h.groups.mu.Unlock()
	for _, m := range h.groups.members {
		if m.workers[h.worker] != nil {
			return m
		}
	}
	h.Fatal("the worker has no member")
	return nil
}

func numbers(n int) (texts []string) {
	for i := range n {
		texts = append(texts, fmt.Sprintf("%03d", i))
	}
	return texts
}

func TestWorkersOfAGroupShareAMember(t *testing.T) {
	r := fakeRig(t, 1)
	r.create(r.topic, 1)
	p := r.pod()
	one, other := p.open(1), p.open(1)
	if one.member() != other.member() {
		t.Error("two workers of a group have two members")
	}
	elsewhere := r.pod().open(1)
	if elsewhere.member().id == one.member().id {
		t.Error("members of two replicas have one id")
	}
}

func TestRecordsGoToTheWorkerThatHoldsTheFewest(t *testing.T) {
	r := fakeRig(t, 1)
	r.create(r.topic, 1)
	p := r.pod()
	small, large := p.open(2), p.open(100)
	r.write(0, numbers(10)...)
	small.until("two records", func() bool { return len(small.got) == 2 })
	large.until("the others", func() bool { return len(large.got) == 8 })
	small.settles(proxy.Accept)
	large.settles(proxy.Accept)
	r.awaitNoLag()
}

func TestNoWorkerStarves(t *testing.T) {
	r := fakeRig(t, 1)
	r.create(r.topic, 1)
	p := r.pod()
	hands := []*hand{p.open(1), p.open(1), p.open(1), p.open(1)}
	r.write(0, numbers(40)...)
	for range 10 { // if one had more than its share, another one would wait in vain
		for _, h := range hands {
			h.until("a record", func() bool { return len(h.got) == 1 })
		}
		for _, h := range hands {
			h.settles(proxy.Accept)
		}
	}
	r.awaitNoLag()
}

func TestARateBoundsWhatAWorkerGets(t *testing.T) {
	r := fakeRig(t, 1)
	r.create(r.topic, 1)
	p := r.pod()
	slow := p.openWith(Options{Window: 100, Rate: limit.NewRate(20)}) // two at once, and then 20 a second
	r.write(0, numbers(100)...)
	began := time.Now()
	slow.until("12 records", func() bool { return len(slow.got) >= 12 })
	if took, atLeast := time.Since(began), 450*time.Millisecond; took < atLeast || len(slow.got) > 12 {
		t.Errorf("got %d records in %v", len(slow.got), took)
	}
	quick := p.openWith(Options{Window: 100, Rate: limit.NewRate(0)})
	quick.until("the others", func() bool { return len(quick.got) > 60 })
}

func TestWorkersOfSeveralTopicsDoNotHoldUpEachOther(t *testing.T) {
	eachKafka(t, func(r *rig) {
		second := r.topic + "-second"
		r.create(r.topic, 2)
		r.create(second, 2)
		r.write(0, "a", "b", "c")
		p := r.pod()
		full := p.open(1)
		full.until("a record", func() bool { return len(full.got) == 1 })
		other := p.openWith(Options{Window: 10, Topic: p.hold(second)})
		if full.member() != other.member() {
			r.Error("two workers of a group have two members")
		}
		if err := r.client.ProduceSync(kafkatest.Deadline(r), &kgo.Record{Topic: second, Partition: 1, Value: []byte("x")}).FirstErr(); err != nil {
			r.Fatal(err)
		}
		other.wants("x")
		if got := full.worker.Held(); got != 1 {
			r.Errorf("%d records are held in a window of 1", got)
		}
		other.worker.Close(kafkatest.Deadline(r))
		want := []string{"a", "b", "c"}
		var got []string
		for range want {
			full.until("a record", func() bool { return len(full.got) == 1 })
			got = append(got, values(full.got)...)
			full.settles(proxy.Accept)
		}
		if !slices.Equal(got, want) {
			r.Errorf("got %q", got)
		}
	})
}

func TestSeveralBrokersServeAWindowOfOne(t *testing.T) {
	r := fakeRig(t, 3)
	r.create(r.topic, 6)
	h := r.pod().open(1)
	for i := range int32(12) {
		r.write(i%6, fmt.Sprintf("%d", i))
		h.until("a record", func() bool { return len(h.got) == 1 })
		if h.got[0].Count != 1 {
			t.Errorf("the count is %d", h.got[0].Count)
		}
		h.settles(proxy.Accept)
	}
	r.awaitNoLag()
}

func TestManyWorkersSettleAllOnce(t *testing.T) {
	eachKafka(t, func(r *rig) {
		r.create(r.topic, 3)
		pods := []*pod{r.pod(), r.pod()}
		const records = 3000
		for i := range int32(3) {
			r.write(i, numbers(records/3)...)
		}
		results := make(chan proxy.Position, records)
		for i := range 40 {
			h := pods[i%2].open(1 + i%5)
			go func() {
				for {
					e, err := takeAndDeliver(r.Context(), h.worker)
					if err != nil {
						return
					}
					var positions []proxy.Position
					for i := range e.Deliveries {
						d := &e.Deliveries[i]
						positions = append(positions, proxy.Position{Topic: r.topic, Partition: d.Partition, Offset: d.Offset, Timestamp: d.Timestamp})
					}
					if len(positions) > 0 {
						_ = h.worker.Settle(r.Context(), proxy.Accept, positions)
					}
					if e.Settlement != nil {
						for _, s := range e.Settlement.Results {
							if s.Result == proxy.SettleDone {
								results <- s.Position
							}
						}
					}
				}
			}()
		}
		seen := make(map[proxy.Position]bool)
		for ctx := kafkatest.Deadline(r); len(seen) < records; {
			select {
			case position := <-results:
				if seen[position] {
					r.Fatalf("%s is accepted twice", position)
				}
				seen[position] = true
			case <-ctx.Done():
				r.Fatalf("%d of %d records are accepted", len(seen), records)
			}
		}
		r.awaitNoLag()
	})
}

func TestNothingIsAcquiredWhileTheBudgetIsFull(t *testing.T) {
	r := fakeRig(t, 1)
	r.create(r.topic, 1)
	b := budget.New(8 << 10)
	p := r.podWithin(b)
	h := p.open(100)
	b.Charge(budget.Consuming, 8<<10)
	r.write(0, numbers(100)...)
	r.pod().open(1).wants("000") // the group goes on elsewhere
	if held := h.worker.Held(); held > 0 {
		t.Errorf("%d records are held while the budget is full", held)
	}
	b.Release(budget.Consuming, 8<<10)
	h.until("the others", func() bool { return len(h.got) >= 99 })
	h.worker.Close(kafkatest.Deadline(t))
	if held := b.Held(budget.Consuming); held != 0 {
		t.Errorf("%d bytes are held", held)
	}
}

func TestAClosedWorkerHoldsNoBudget(t *testing.T) {
	r := fakeRig(t, 1)
	r.create(r.topic, 1)
	b := budget.New(1 << 20)
	h := r.podWithin(b).open(10)
	r.write(0, numbers(10)...)
	kafkatest.Await(t, "records to wait", func() bool { return b.Held(budget.Consuming) > 10*recordOverhead })
	h.worker.Close(kafkatest.Deadline(t))
	if held := b.Held(budget.Consuming); held != 0 {
		t.Errorf("%d bytes are held", held)
	}
}
