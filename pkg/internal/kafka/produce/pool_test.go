package produce

import (
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/cluster"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/kafkatest"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/kafkatest/clustertest"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// poolOf starts a pool on a broker with the topic "t".
func poolOf(t *testing.T) (*kfake.Cluster, *Pool, *cluster.Topic) {
	t.Helper()
	broker := kafkatest.Broker(t, "t")
	c := clustertest.Connect(t, broker)
	topics := watch(t, c)
	topic := open(t, topics, "t")
	return broker, newPool(t, c), topic
}

// stall delays produce requests until release is called.
func stall(t *testing.T, broker *kfake.Cluster) (stalled <-chan struct{}, release func()) {
	t.Helper()
	began, end := make(chan struct{}), make(chan struct{})
	var first, last sync.Once
	broker.ControlKey(int16(kmsg.Produce), func(kmsg.Request) (kmsg.Response, error, bool) {
		broker.KeepControl()
		first.Do(func() { close(began) })
		broker.SleepControl(func() { <-end })
		return nil, nil, false
	})
	release = func() { last.Do(func() { close(end) }) }
	t.Cleanup(release)
	return began, release
}

func (p *Pool) ids() map[proxy.ClientID]bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	ids := make(map[proxy.ClientID]bool)
	for key := range p.clients {
		ids[key.id] = true
	}
	return ids
}

func TestIdleClientIsClosed(t *testing.T) {
	_, pool, topic := poolOf(t)
	producer := pool.Open("c", topic)
	if _, err := kafkatest.Produce(t, producer, kafkatest.Value("a")); err != nil {
		t.Fatal(err)
	}
	first, now := producer.current, time.Now()
	pool.sweep(now) // notes the use
	pool.sweep(now.Add(time.Hour - 1))
	if !pool.ids()["c"] {
		t.Fatal("closed too early")
	}
	pool.sweep(now.Add(time.Hour))
	if pool.ids()["c"] {
		t.Fatal("not closed")
	}
	// The connection that used it gets another one.
	if _, err := kafkatest.Produce(t, producer, kafkatest.Value("b")); err != nil || producer.current == first {
		t.Errorf("got %v", err)
	}
}

func TestUseKeepsClient(t *testing.T) {
	_, pool, topic := poolOf(t)
	producer, now := pool.Open("c", topic), time.Now()
	for i := range 4 {
		if _, err := kafkatest.Produce(t, producer, kafkatest.Value("a")); err != nil {
			t.Fatal(err)
		}
		pool.sweep(now.Add(time.Duration(i) * time.Hour))
		if !pool.ids()["c"] {
			t.Fatal("closed while in use")
		}
	}
}

func TestHeldRecordKeepsClient(t *testing.T) {
	broker, pool, topic := poolOf(t)
	stalled, release := stall(t, broker)
	f, r := kafkatest.NewOutcome(), kafkatest.Value("a")
	pool.Open("c", topic).Produce(&r, time.Now(), f)
	<-stalled
	now := time.Now()
	pool.sweep(now)
	pool.sweep(now.Add(100 * time.Hour))
	if !pool.ids()["c"] {
		t.Fatal("closed with a record in it")
	}
	release()
	if _, err := f.Await(t); err != nil {
		t.Errorf("the record was lost: %v", err)
	}
}

func TestFullPoolClosesTheLongestIdle(t *testing.T) {
	_, pool, topic := poolOf(t) // a pool of two clients
	for _, id := range []proxy.ClientID{"a", "b"} {
		if _, err := kafkatest.Produce(t, pool.Open(id, topic), kafkatest.Value("x")); err != nil {
			t.Fatal(err)
		}
	}
	pool.mu.Lock()
	key := func(id proxy.ClientID) clientKey {
		return clientKey{id: id, maxBatch: topic.BatchBytes()}
	}
	now := time.Now()
	for id, idle := range map[proxy.ClientID]time.Duration{"a": evictAfter, "b": evictAfter + time.Minute} {
		c := pool.clients[key(id)]
		c.idle = idleness{seen: c.uses.Load(), since: now.Add(-idle)}
	}
	pool.mu.Unlock()
	if _, err := kafkatest.Produce(t, pool.Open("c", topic), kafkatest.Value("x")); err != nil {
		t.Fatal(err)
	}
	if ids := pool.ids(); len(ids) != 2 || !ids["a"] || !ids["c"] {
		t.Errorf("the pool has %v", ids)
	}
}

func TestFullPoolIsShared(t *testing.T) {
	broker, pool, topic := poolOf(t) // a pool of two clients
	stalled, release := stall(t, broker)
	var outcomes []*kafkatest.Outcome
	for _, id := range []proxy.ClientID{"a", "b", "c", "d"} {
		f, r := kafkatest.NewOutcome(), kafkatest.Value("x")
		pool.Open(id, topic).Produce(&r, time.Now(), f)
		outcomes = append(outcomes, f)
	}
	<-stalled
	if ids := pool.ids(); len(ids) != 3 || !ids["a"] || !ids["b"] || !ids[sharedClientID] {
		t.Errorf("the pool has %v", ids)
	}
	release()
	for _, f := range outcomes {
		if _, err := f.Await(t); err != nil {
			t.Error(err)
		}
	}
}

// TestChangedBatchLimit switches a connection to a client with the topic's new limit: only after the old
// client has finished its records, so that they keep their order.
func TestChangedBatchLimit(t *testing.T) {
	broker, pool, topic := poolOf(t)
	stalled, release := stall(t, broker)
	producer := pool.Open("c", topic)
	first, r := kafkatest.NewOutcome(), proxy.Record{Partition: 0, Value: []byte("first")}
	producer.Produce(&r, time.Now(), first)
	<-stalled
	changeLargest(t, broker, topic)
	second, handed := kafkatest.NewOutcome(), make(chan struct{})
	go func() {
		defer close(handed)
		r := proxy.Record{Partition: 0, Value: []byte("second")}
		producer.Produce(&r, time.Now(), second)
	}()
	kafkatest.Await(t, "the wait for the first record", producer.waiting.Load)
	release()
	<-handed
	a, err := first.Await(t)
	b, err2 := second.Await(t)
	if err != nil || err2 != nil || b.Offset != a.Offset+1 {
		t.Errorf("got %+v, %v and %+v, %v", a, err, b, err2)
	}
	if producer.current.client.key.maxBatch != topic.BatchBytes() || len(pool.clients) != 2 {
		t.Errorf("the client has the key %+v, one of %d", producer.current.client.key, len(pool.clients))
	}
}

func TestClosedPool(t *testing.T) {
	broker := kafkatest.Broker(t, "t")
	c := clustertest.Connect(t, broker)
	topics := watch(t, c)
	topic, pool := open(t, topics, "t"), NewPool(c)
	producer := pool.Open("c", topic)
	if _, err := kafkatest.Produce(t, producer, kafkatest.Value("a")); err != nil {
		t.Fatal(err)
	}
	pool.Close(kafkatest.Deadline(t))
	_, err := kafkatest.Produce(t, producer, kafkatest.Value("b"))
	if proxy.AsError(err).Kind != proxy.KindKafkaUnavailable || !errors.Is(err, errClosed) {
		t.Errorf("got %v", err)
	}
}

// TestCloseFlushes closes the pool with records in it: they are written.
func TestCloseFlushes(t *testing.T) {
	broker := kafkatest.Broker(t, "t")
	c := clustertest.Connect(t, broker)
	topics := watch(t, c)
	topic, pool := open(t, topics, "t"), NewPool(c)
	stalled, release := stall(t, broker)
	f, r := kafkatest.NewOutcome(), kafkatest.Value("a")
	pool.Open("c", topic).Produce(&r, time.Now(), f)
	<-stalled
	time.AfterFunc(50*time.Millisecond, release)
	pool.Close(kafkatest.Deadline(t))
	if _, err := f.Await(t); err != nil {
		t.Error(err)
	}
}

// TestHoldAndRetire holds and releases clients concurrently while they are being retired: no goroutine
// may hold a closed client, and each client is closed once.
func TestHoldAndRetire(t *testing.T) {
	_, pool, topic := poolOf(t)
	pool.cluster.Settings.MaxProducerClients = 1
	var work sync.WaitGroup
	for _, id := range []proxy.ClientID{"a", "b", "c", "d"} {
		work.Go(func() {
			producer := pool.Open(id, topic)
			for range 25 {
				f, r := kafkatest.NewOutcome(), kafkatest.Value("x")
				producer.Produce(&r, time.Now(), f)
				if _, err := f.Await(t); err != nil {
					t.Errorf("%s: %v", id, err)
				}
			}
		})
	}
	stop := make(chan struct{})
	sweeps := sync.WaitGroup{}
	sweeps.Go(func() {
		for now := time.Now(); ; now = now.Add(time.Hour) {
			select {
			case <-stop:
				return
			default:
				pool.sweep(now)
			}
		}
	})
	work.Wait()
	close(stop)
	sweeps.Wait()
	pool.mu.Lock()
	defer pool.mu.Unlock()
	for key, c := range pool.clients {
		if held := c.held.Load(); held != 0 {
			t.Errorf("%s holds %d records", key.id, held)
		}
	}
}
