//go:build unix

package real

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/test/faults/checker"
	"github.com/wsproxy/kafka-websocket-proxy/test/faults/history"
	"github.com/wsproxy/kafka-websocket-proxy/test/faults/links"
	"github.com/wsproxy/kafka-websocket-proxy/test/faults/workload"
	"github.com/wsproxy/kafka-websocket-proxy/test/kafka"
)

const (
	// severalWorkers work at a queue of the topic, beside all others.
	severalWorkers = 4
	// severalTime is how long faults happen unless it is a soak, and severalEach about how many do.
	severalTime = 30 * time.Second
	severalEach = 4
	// lagTime is how soon a broker that does not follow is not in sync anymore.
	lagTime = 4 * time.Second
)

// several is three brokers, which hold each other's records, and what lies between them and all others.
type several struct {
	brokers *kafka.Cluster
	links   [replicas]map[int32]*links.Link // of each proxy, by broker
	roads   map[links.Road]*links.Link      // between brokers, and from each to the others' controllers
}

// TestLongThreeBrokersUnderFaults runs three brokers, two of which must have a record before it is answered, and lets
// everything happen to them and to the network. A producer writes in transactions, all readers read what is committed, and
// workers of a queue take the same records.
func TestLongThreeBrokersUnderFaults(t *testing.T) {
	began := time.Now()
	r := newSeveralRig(t)
	p := planOf(began, 1, severalTime)
	p.first = ofTheDay(severalEach)
	r.writeAndRead("brokers", p)
}

func newSeveralRig(t testing.TB) *rig {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("only Linux has all addresses of 127.0.0.0/8")
	}
	s := &several{roads: make(map[links.Road]*links.Link)}
	options := kafka.ClusterOptions{Between: links.Roads(t, s.roads), Properties: shareProperties()}
	options.Properties["log.cleaner.backoff.ms"] = "1000" // it is tried soon
	options.Properties["replica.lag.time.max.ms"] = fmt.Sprint(lagTime.Milliseconds())
	for i := range s.links {
		s.links[i] = make(map[int32]*links.Link)
		options.Fronts = append(options.Fronts, links.Front(t, s.links[i]))
	}
	r := &rig{t: t, faults: severalFaults(), recorder: &history.Recorder{}, several: s}
	s.brokers = kafka.RequireOwnCluster(t, options)
	r.kafka = newObserver(t, s.brokers.Addr(), r.recorder)
	must(t, r.kafka.makeRisky(t.Context()))
	fronts := make([]string, replicas)
	for i := range fronts {
		fronts[i] = s.brokers.Front(i)
	}
	r.access = newAccess(t)
	r.fleet = newFleetOf(t, fronts, slices.Concat(hasty(), r.access.settings(), []string{
		"WSPROXY_PRODUCER_EXACTLY_ONCE_ENABLED=true", "WSPROXY_KAFKA_PRODUCER_SESSIONS_ENABLED=true", "WSPROXY_SESSION_LEASE=6s",
	})...)
	r.begin()
	return r
}

// startWorkers starts workers that end with the time of faults.
func (r *rig) startWorkers() {
	for i := range severalWorkers {
		w := r.worker(fmt.Sprintf("w%d", i), uint64(620+i))
		w.Calm, w.Window, w.Life, w.Ending = context.Background(), []int{5, 20, 50, 100}[i%4], time.Duration(8+5*i)*time.Second, soonEnding
		r.faulty.Go(func() { w.Run(r.ctx) })
	}
}

// worker returns one that is calm.
func (r *rig) worker(name string, stream uint64) *workload.Worker {
	calm, begin := context.WithCancel(context.Background())
	begin()
	chance := random(stream)
	return &workload.Worker{
		Client: r.client(name, chance), Rand: chance, Group: queueName, Window: 100, Work: 200 * time.Millisecond, Lock: lockTime, Committed: true,
		Life: time.Hour, Ending: orderly, Calm: calm,
	}
}

// awaitWorkers has calm workers settle what is left of the queue, while nobody writes.
func (r *rig) awaitWorkers() {
	ctx, cancel := context.WithCancel(r.t.Context())
	var calm sync.WaitGroup
	defer calm.Wait()
	defer cancel()
	for i := range 2 {
		w := r.worker(fmt.Sprintf("calm%d", i), uint64(660+i))
		calm.Go(func() { w.Run(ctx) })
	}
	judged, err := r.judged()
	must(r.t, err)
	for by := time.Now().Add(healLimit); ; workload.Pause(r.t.Context(), tailLook) {
		left := checker.Unworked(r.recorder.Events(), judged)
		if len(left) == 0 {
			return
		}
		if time.Now().After(by) {
			r.unserved(checker.Unsettled, "calm workers had %v, and %d records are left, as: %s", healLimit, len(left), left[0])
			return
		}
	}
}
