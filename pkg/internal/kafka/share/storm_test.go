package share

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/kafkatest"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
	"github.com/wsproxy/kafka-websocket-proxy/test/kafka"
)

// TestLongNothingIsLostOrAcceptedTwiceInAStorm has workers of three replicas settle records while leaders and coordinators move,
// replicas are cut off, and workers come and go.
func TestLongNothingIsLostOrAcceptedTwiceInAStorm(t *testing.T) {
	t.Run("kfake", func(t *testing.T) {
		r, broker := fakeRigAnd(t, 3, kfake.BrokerConfigs(map[string]string{
			"group.share.record.lock.duration.ms": "1500", "share.record.lock.sweep.interval.ms": "50",
			"group.share.heartbeat.interval.ms": "100", "group.share.delivery.count.limit": "1000",
		}))
		outlast(r, broker.ShufflePartitionLeaders, broker.RehashCoordinators)
	})
	t.Run("Kafka", func(t *testing.T) {
		r := newRig(t, kafka.Require(t).Addr())
		r.setGroup("share.record.lock.duration.ms", "1500")
		r.setGroup("share.delivery.count.limit", "10")
		outlast(r)
	})
}

// outlast has records settled while things happen, and replicas are cut off.
func outlast(r *rig, things ...func()) {
	r.create(r.topic, 6)
	s := &storm{rig: r, accepted: make(map[string]int), uncertain: make(map[string]bool)}
	ctx, stop := context.WithCancel(r.Context())
	defer stop()
	pods := []*pod{r.pod(), r.pod(), r.pod()}
	for i := range 24 {
		s.workers.Go(func() { s.work(ctx, pods[i%3], 1+i%5) })
	}
	const records = 3000
	random := rand.New(rand.NewPCG(1, 2))
	for i := range records {
		value := fmt.Sprintf("%05d", i)
		if err := r.client.ProduceSync(kafkatest.Deadline(r), &kgo.Record{Topic: r.topic, Partition: int32(i % 6), Value: []byte(value)}).FirstErr(); err != nil {
			r.Fatal(err)
		}
		if i%50 == 0 {
			what := random.IntN(3)
			if what < len(things) {
				things[what]()
				continue
			}
			gate := pods[random.IntN(3)].gate
			gate.Cut()
			time.AfterFunc(50*time.Millisecond, gate.Mend)
		}
	}
	r.awaitNoLag()
	stop()
	s.workers.Wait()
	if n := s.count(); n != records {
		r.Errorf("%d of %d records are accepted, and nothing is left", n, records)
	}
	r.Logf("%d deliveries of %d records, %d uncertain", s.deliveries, records, len(s.uncertain))
}

// storm is what the workers of a storm have done.
type storm struct {
	*rig
	workers sync.WaitGroup

	mu         sync.Mutex // guards what follows
	accepted   map[string]int
	uncertain  map[string]bool // of which it is not known whether Kafka has settled them
	deliveries int
}

// count returns how many records are accepted, or may be.
func (s *storm) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := len(s.accepted)
	for value := range s.uncertain {
		if s.accepted[value] == 0 {
			n++
		}
	}
	return n
}

// work has workers settle records, each for some time.
func (s *storm) work(ctx context.Context, p *pod, window int) {
	topic := p.hold(s.topic)
	for ctx.Err() == nil {
		w, err := p.groups.Open(ctx, Options{GroupID: s.group, Topic: topic, Window: window, Begin: BeginEarliest})
		if err != nil {
			continue // it has waited for Kafka
		}
		shift, end := context.WithTimeout(ctx, time.Duration(200+rand.IntN(2000))*time.Millisecond)
		s.shift(shift, w)
		end()
		w.Close(ended())
	}
}

// shift takes records, settles most of them, and keeps some for too long.
func (s *storm) shift(ctx context.Context, w *Worker) {
	held := make(map[proxy.Position]string) // what was accepted, until the result is known
	for {
		e, err := takeAndDeliver(ctx, w)
		if err != nil {
			s.note(func() {
				for _, value := range held {
					s.uncertain[value] = true
				}
			})
			return
		}
		for i := range e.Deliveries {
			d := &e.Deliveries[i]
			position := proxy.Position{Topic: s.topic, Partition: d.Partition, Offset: d.Offset, Timestamp: d.Timestamp}
			s.note(func() { s.deliveries++ })
			acknowledgement := proxy.Accept
			switch rand.IntN(20) {
			case 0:
				continue
			case 1:
				acknowledgement = proxy.Release
			case 2:
				_ = w.Renew(ctx, []proxy.Position{position})
			}
			if acknowledgement == proxy.Accept {
				held[position] = string(d.Value)
			}
			_ = w.Settle(ctx, acknowledgement, []proxy.Position{position})
		}
		if e.Settlement != nil && e.Settlement.Acknowledgement == proxy.Accept {
			s.judge(held, e.Settlement.Results)
		}
	}
}

func (s *storm) judge(held map[proxy.Position]string, results []proxy.SettledPosition) {
	for _, result := range results {
		value := held[result.Position]
		delete(held, result.Position)
		s.judgeOne(value, result.Result)
	}
}

// judgeOne notes the result of an acceptance.
func (s *storm) judgeOne(value string, result proxy.SettleResult) {
	s.note(func() {
		switch result {
		case proxy.SettleDone:
			if s.accepted[value]++; s.accepted[value] > 1 {
				s.Errorf("record %s is accepted %d times", value, s.accepted[value])
			}
		case proxy.SettleFailed:
			s.uncertain[value] = true
		}
	})
}

func (s *storm) note(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f()
}
