package consume

import (
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/kafkatest"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/kafkatest/clustertest"
)

// requests are the requests that a broker has received.
type requests struct {
	mu  sync.Mutex // guards all fields
	all []kmsg.Request
}

func watchRequests(broker *kfake.Cluster) *requests {
	r := new(requests)
	broker.Control(func(request kmsg.Request) (kmsg.Response, error, bool) {
		broker.KeepControl()
		r.mu.Lock()
		defer r.mu.Unlock()
		r.all = append(r.all, request)
		return nil, nil, false
	})
	return r
}

// of returns requests of a kind, from the nth request on.
func (r *requests) of(key kmsg.Key, from int) (of []kmsg.Request) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, request := range r.all[from:] {
		if request.Key() == int16(key) {
			of = append(of, request)
		}
	}
	return of
}

// kinds counts requests from the nth on.
func (r *requests) kinds(from int) map[string]int {
	r.mu.Lock()
	defer r.mu.Unlock()
	kinds := make(map[string]int)
	for _, request := range r.all[from:] {
		kinds[kmsg.NameForKey(request.Key())]++
	}
	return kinds
}

func (r *requests) count() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.all)
}

// TestAnIdleConsumerFetchesAndHeartbeatsOnly checks that an idle consumer with partitions sends no other
// requests: each occasional request costs a new connection, since the last one was closed as unused.
func TestAnIdleConsumerFetchesAndHeartbeatsOnly(t *testing.T) {
	t.Parallel()
	broker, err := kfake.NewCluster(kfake.NumBrokers(3), kfake.SeedTopics(1, "t"), kfake.GroupMinSessionTimeout(time.Second))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(broker.Close)
	seen := watchRequests(broker)
	c := clustertest.Connect(t, broker)
	settings := *c.Settings
	settings.Rack = "zone-1"
	c.Settings = &settings
	o := &kafkatest.Owner{}
	topic := topicOf(t, c, "t")
	lags := newLags(c)
	lags.close() // other clients look up the end offsets
	consumer, err := (&Consumers{cluster: c, lags: lags, memory: memory{waits: waitsFor(time.Second)}}).Join(Options{
		ClientID: "c", GroupID: "g", Topic: topic, Reset: ResetLatest, SessionTimeout: 2 * time.Second, Owner: o,
	})
	if err != nil {
		t.Fatal(err)
	}
	defer consumer.Close(kafkatest.Deadline(t), true)
	kafkatest.Await(t, "an assignment", func() bool { return len(o.Starts()) == 1 })
	commitStarts(t, consumer, o)
	awaitHeartbeats := func(from int) {
		kafkatest.Await(t, "some heartbeats", func() bool { return len(seen.of(kmsg.Heartbeat, from)) > 5 })
	}
	awaitHeartbeats(0)
	settled := seen.count()
	awaitHeartbeats(settled)
	kinds := seen.kinds(settled)
	delete(kinds, "Heartbeat")
	delete(kinds, "Fetch")
	if len(kinds) > 0 {
		t.Errorf("an idle consumer sends the requests %v", kinds)
	}
	fetches := seen.of(kmsg.Fetch, 0)
	if len(fetches) == 0 {
		t.Error("it does not fetch")
	}
	for _, r := range fetches {
		if fetch, ok := r.(*kmsg.FetchRequest); !ok || fetch.Rack != "zone-1" || fetch.SessionEpoch != -1 {
			t.Fatalf("a fetch is of rack %q and session epoch %d", fetch.Rack, fetch.SessionEpoch)
		}
	}
}
