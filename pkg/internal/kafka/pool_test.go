package kafka

import (
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// poolOf starts a pool on a broker with the topic "t".
func poolOf(t *testing.T) (*kfake.Cluster, *Producers, *Topic) {
	t.Helper()
	broker := newBroker(t, "t")
	c := connect(t, broker)
	topics := watch(t, c)
	topic := open(t, topics, "t")
	return broker, newPool(t, c), topic
}

// stall lets produce requests wait until release is called.
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

func (p *Producers) ids() map[proxy.ClientID]bool {
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
	if _, err := produce(t, producer, value("a")); err != nil {
		t.Fatal(err)
	}
	first, now := producer.current, time.Now()
	pool.sweep(now) // sees the use
	pool.sweep(now.Add(time.Hour - 1))
	if !pool.ids()["c"] {
		t.Fatal("closed before its time")
	}
	pool.sweep(now.Add(time.Hour))
	if pool.ids()["c"] {
		t.Fatal("not closed")
	}
	// The connection that had it gets another one.
	if _, err := produce(t, producer, value("b")); err != nil || producer.current == first {
		t.Errorf("got %v", err)
	}
}

func TestUseKeepsClient(t *testing.T) {
	_, pool, topic := poolOf(t)
	producer, now := pool.Open("c", topic), time.Now()
	for i := range 4 {
		if _, err := produce(t, producer, value("a")); err != nil {
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
	f, r := newFate(), value("a")
	pool.Open("c", topic).Produce(&r, f)
	<-stalled
	now := time.Now()
	pool.sweep(now)
	pool.sweep(now.Add(100 * time.Hour))
	if !pool.ids()["c"] {
		t.Fatal("closed with a record in it")
	}
	release()
	if _, err := f.await(t); err != nil {
		t.Errorf("the record was lost: %v", err)
	}
}

func TestFullPoolClosesTheLongestIdle(t *testing.T) {
	_, pool, topic := poolOf(t) // of two clients
	for _, id := range []proxy.ClientID{"a", "b"} {
		if _, err := produce(t, pool.Open(id, topic), value("x")); err != nil {
			t.Fatal(err)
		}
	}
	pool.mu.Lock()
	key := func(id proxy.ClientID) clientKey {
		return clientKey{id: id, maxBatch: franzBatchBytes(defaultMaxMessageBytes)}
	}
	pool.clients[key("b")].idleAt = pool.clients[key("a")].idleAt.Add(-time.Minute)
	pool.mu.Unlock()
	if _, err := produce(t, pool.Open("c", topic), value("x")); err != nil {
		t.Fatal(err)
	}
	if ids := pool.ids(); len(ids) != 2 || !ids["a"] || !ids["c"] {
		t.Errorf("the pool has %v", ids)
	}
}

func TestFullPoolIsShared(t *testing.T) {
	broker, pool, topic := poolOf(t) // of two clients
	stalled, release := stall(t, broker)
	var fates []*fate
	for _, id := range []proxy.ClientID{"a", "b", "c", "d"} {
		f, r := newFate(), value("x")
		pool.Open(id, topic).Produce(&r, f)
		fates = append(fates, f)
	}
	<-stalled
	if ids := pool.ids(); len(ids) != 3 || !ids["a"] || !ids["b"] || !ids[sharedClientID] {
		t.Errorf("the pool has %v", ids)
	}
	release()
	for _, f := range fates {
		if _, err := f.await(t); err != nil {
			t.Error(err)
		}
	}
}

// TestChangedBatchLimit lets a connection go over to a client that knows the topic's new limit:
// only when the old one has let go of its records, so that they keep their order.
func TestChangedBatchLimit(t *testing.T) {
	broker, pool, topic := poolOf(t)
	stalled, release := stall(t, broker)
	producer := pool.Open("c", topic)
	first, r := newFate(), proxy.Record{Partition: 0, Value: []byte("first")}
	producer.Produce(&r, first)
	<-stalled
	settings := *topic.entry.settings.Load()
	settings.maxMessageBytes = 2000
	topic.entry.settings.Store(&settings)
	second, handed := newFate(), make(chan struct{})
	go func() {
		defer close(handed)
		r := proxy.Record{Partition: 0, Value: []byte("second")}
		producer.Produce(&r, second)
	}()
	await(t, "the wait for the first record", producer.waiting.Load)
	release()
	<-handed
	a, err := first.await(t)
	b, err2 := second.await(t)
	if err != nil || err2 != nil || b.Offset != a.Offset+1 {
		t.Errorf("got %+v, %v and %+v, %v", a, err, b, err2)
	}
	if producer.current.key.maxBatch != franzBatchBytes(2000) || len(pool.clients) != 2 {
		t.Errorf("the client has the key %+v, one of %d", producer.current.key, len(pool.clients))
	}
}

func TestClosedPool(t *testing.T) {
	broker := newBroker(t, "t")
	c := connect(t, broker)
	topics := watch(t, c)
	topic, pool := open(t, topics, "t"), c.Producers()
	producer := pool.Open("c", topic)
	if _, err := produce(t, producer, value("a")); err != nil {
		t.Fatal(err)
	}
	pool.Close(deadline(t))
	_, err := produce(t, producer, value("b"))
	if proxy.AsError(err).Kind != proxy.KindKafkaUnavailable || !errors.Is(err, errClosed) {
		t.Errorf("got %v", err)
	}
}

// TestCloseFlushes closes the pool with records in it: they are written.
func TestCloseFlushes(t *testing.T) {
	broker := newBroker(t, "t")
	c := connect(t, broker)
	topics := watch(t, c)
	topic, pool := open(t, topics, "t"), c.Producers()
	stalled, release := stall(t, broker)
	f, r := newFate(), value("a")
	pool.Open("c", topic).Produce(&r, f)
	<-stalled
	time.AfterFunc(50*time.Millisecond, release)
	pool.Close(deadline(t))
	if _, err := f.await(t); err != nil {
		t.Error(err)
	}
}

// TestHoldAndRetire lets many hold and release clients that are being retired all the time:
// nobody may hold a closed one, and each is closed once.
func TestHoldAndRetire(t *testing.T) {
	_, pool, topic := poolOf(t)
	pool.cluster.settings.MaxProducerClients = 1
	var work sync.WaitGroup
	for _, id := range []proxy.ClientID{"a", "b", "c", "d"} {
		work.Go(func() {
			producer := pool.Open(id, topic)
			for range 25 {
				f, r := newFate(), value("x")
				producer.Produce(&r, f)
				<-f.done
				if f.err != nil {
					t.Errorf("%s: %v", id, f.err)
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
