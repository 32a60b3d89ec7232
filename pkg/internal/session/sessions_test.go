package session

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// topic is a log in memory, with readers.
type topic struct {
	queueMu sync.Mutex
	queue   []func() // writes, in order

	mu              sync.Mutex
	down            bool
	records         []Record
	times           []time.Time
	readers         []*Sessions
	still           time.Time // until when no write is taken
	stillAfterProbe time.Duration
	held            map[*Sessions][]func() // reads of a reader that is held up
}

// hold keeps a replica from reading.
func (l *topic) hold(s *Sessions) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.held = map[*Sessions][]func(){s: {}}
}

func (l *topic) unhold(s *Sessions) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, read := range l.held[s] {
		read()
	}
	l.held = nil
}

func (l *topic) append(records []Record, done func(error)) {
	l.queueMu.Lock()
	defer l.queueMu.Unlock()
	l.queue = append(l.queue, func() { l.take(records, done) })
	go func() {
		for !l.takeNext() {
			time.Sleep(10 * time.Millisecond)
		}
	}()
}

// takeNext takes the next write, unless the log stands still.
func (l *topic) takeNext() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if time.Now().Before(l.still) {
		return false
	}
	l.queueMu.Lock()
	next := l.queue[0]
	l.queue = l.queue[1:]
	l.queueMu.Unlock()
	next()
	return true
}

func (l *topic) take(records []Record, done func(error)) {
	if l.down {
		done(errors.New("the broker is gone"))
		return
	}
	for _, r := range records {
		l.records, l.times = append(l.records, r), append(l.times, time.Now())
		offset, at := int64(len(l.records)-1), time.Now()
		for _, s := range l.readers {
			read := func() { s.Read(offset, at, []byte(r.Key), r.Value) }
			if held, ok := l.held[s]; ok {
				l.held[s] = append(held, read)
				continue
			}
			read()
		}
		if l.stillAfterProbe > 0 && strings.HasPrefix(r.Key, probeKey) && r.Value != nil {
			l.still, l.stillAfterProbe = time.Now().Add(l.stillAfterProbe), 0
		}
	}
	done(nil)
}

// outage blocks all appends while it is on.
func (l *topic) outage(on bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.down = on
}

// recreate empties the topic.
func (l *topic) recreate() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.records, l.times = nil, nil
	for _, s := range l.readers {
		s.Restart("the topic was recreated")
	}
	for _, s := range l.readers {
		s.CaughtUp()
	}
}

// join starts a replica that reads the topic.
func (l *topic) join(t *testing.T, server string) *Sessions {
	t.Helper()
	return l.joinWith(t, server, 15*time.Second)
}

// joinWith starts a replica with a lease of its own.
func (l *topic) joinWith(t *testing.T, server string, lease time.Duration) *Sessions {
	t.Helper()
	s := l.open(server, lease)
	t.Cleanup(s.Close)
	return s
}

// open starts a replica that the test closes.
func (l *topic) open(server string, lease time.Duration) *Sessions {
	return l.openIn("", server, lease)
}

// openIn opens a replica of a pool.
func (l *topic) openIn(pool, server string, lease time.Duration) *Sessions {
	ignore := func(Kind) prometheus.Gauge { return prometheus.NewGauge(prometheus.GaugeOpts{Name: "claims"}) }
	s := New(Options{
		Server: server, Pool: pool, Lease: lease, Append: l.append, Log: slog.New(slog.DiscardHandler),
		Claims: ignore, Conflict: func(string) {}, Skipped: func(int) {},
	})
	l.mu.Lock()
	defer l.mu.Unlock()
	s.Restart("")
	for i, r := range l.records {
		s.Read(int64(i), l.times[i], []byte(r.Key), r.Value)
	}
	s.CaughtUp()
	l.readers = append(l.readers, s)
	return s
}

// leave stops a replica's reading, as if it had been killed.
func (l *topic) leave(s *Sessions) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i, r := range l.readers {
		if r == s {
			l.readers = append(l.readers[:i:i], l.readers[i+1:]...)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.replica.write = func([]Record, func(error)) {}
}

// connection is a client's.
type connection struct {
	answers bool
	lost    chan *proxy.Error
}

func newConnection(answers bool) *connection {
	return &connection{answers: answers, lost: make(chan *proxy.Error, 1)}
}

func (c *connection) Alive(_ time.Duration, answer func(bool)) {
	if c.answers {
		answer(true)
	}
}

func (c *connection) Lose(e *proxy.Error) { c.lost <- e }

func consumer(client string, more func(*Request)) Request {
	q := Request{Kind: Consumer, Client: proxy.ClientID(client), Group: "g", Topic: "t", Partitions: 2}
	if more != nil {
		more(&q)
	}
	return q
}

// claim claims a session within the time of a handshake.
func (s *Sessions) claimIn(t *testing.T, q Request) (*Session, *proxy.Error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Second)
	defer cancel()
	return s.Claim(ctx, q)
}

func (s *Sessions) mustClaim(t *testing.T, q Request, c *connection) *Session {
	t.Helper()
	held, e := s.claimIn(t, q)
	if e != nil {
		t.Fatalf("%s: %v", q.Client, e)
	}
	held.Serve(c)
	synctest.Wait() // all replicas have read it
	return held
}

func (s *Sessions) wantRefusal(t *testing.T, q Request, kind proxy.Kind) {
	t.Helper()
	held, e := s.claimIn(t, q)
	if e == nil {
		held.Close()
		t.Fatalf("%s is admitted, want %v", q.Client, kind)
	}
	if e.Kind != kind {
		t.Fatalf("%s: %v, want %v", q.Client, e, kind)
	}
}

// virtually runs a test with two replicas in virtual time.
func virtually(t *testing.T, test func(t *testing.T, l *topic, a, b *Sessions)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		l := new(topic)
		a, b := l.join(t, "a"), l.join(t, "b")
		synctest.Wait()
		test(t, l, a, b)
		synctest.Wait()
	})
}

func TestPartitionsCapAGroup(t *testing.T) {
	virtually(t, func(t *testing.T, _ *topic, a, b *Sessions) {
		one := a.mustClaim(t, consumer("one", nil), newConnection(true))
		b.mustClaim(t, consumer("two", nil), newConnection(true))
		b.wantRefusal(t, consumer("three", nil), proxy.KindLimitReached)
		a.mustClaim(t, consumer("three", func(q *Request) { q.Topic = "other" }), newConnection(true))
		one.Close()
		synctest.Wait()
		b.mustClaim(t, consumer("four", nil), newConnection(true))
	})
}

func TestTheLimitCountsTheGroup(t *testing.T) {
	virtually(t, func(t *testing.T, _ *topic, a, b *Sessions) {
		limited := func(topic string) func(*Request) {
			return func(q *Request) { q.Limit, q.Topic = 2, topic }
		}
		a.mustClaim(t, consumer("one", limited("t")), newConnection(true))
		b.mustClaim(t, consumer("two", limited("u")), newConnection(true))
		a.wantRefusal(t, consumer("three", limited("v")), proxy.KindLimitReached)
		a.wantRefusal(t, consumer("two", limited("v")), proxy.KindDuplicateClient) // rather than a limit
	})
}

func TestAReconnectIsNotRefused(t *testing.T) {
	virtually(t, func(t *testing.T, _ *topic, a, b *Sessions) {
		dead := newConnection(false)
		a.mustClaim(t, consumer("one", nil), dead)
		began := time.Now()
		b.mustClaim(t, consumer("one", nil), newConnection(true))
		if took := time.Since(began); took > 3*time.Second {
			t.Errorf("the reconnect took %v", took)
		}
		dead.ends(t, proxy.CloseReplaced)
	})
}

func TestALiveHolderStays(t *testing.T) {
	virtually(t, func(t *testing.T, _ *topic, a, b *Sessions) {
		holder := newConnection(true)
		a.mustClaim(t, consumer("one", nil), holder)
		b.wantRefusal(t, consumer("one", nil), proxy.KindDuplicateClient)
		b.wantRefusal(t, consumer("one", func(q *Request) { q.OnConflict = Reject }), proxy.KindDuplicateClient)
		other := func(q *Request) {
			q.Principal, q.OnConflict = proxy.Principal{Method: proxy.MethodUser, Name: "mallory"}, TakeOver
		}
		b.wantRefusal(t, consumer("one", other), proxy.KindDuplicateClient)
		select {
		case e := <-holder.lost:
			t.Fatalf("the holder lost its session: %v", e)
		default:
		}
		b.mustClaim(t, consumer("one", func(q *Request) { q.OnConflict = TakeOver }), newConnection(true))
		holder.ends(t, proxy.CloseReplaced)
	})
}

func TestRejectDoesNotProbe(t *testing.T) {
	virtually(t, func(t *testing.T, _ *topic, a, b *Sessions) {
		a.mustClaim(t, consumer("one", nil), newConnection(false))
		began := time.Now()
		b.wantRefusal(t, consumer("one", func(q *Request) { q.OnConflict = Reject }), proxy.KindDuplicateClient)
		if took := time.Since(began); took > time.Second {
			t.Errorf("the refusal took %v", took)
		}
	})
}

func TestASlotIsLostForNoLongerThanTheLease(t *testing.T) {
	virtually(t, func(t *testing.T, l *topic, a, b *Sessions) {
		a.mustClaim(t, consumer("one", nil), newConnection(true))
		a.mustClaim(t, consumer("two", nil), newConnection(true))
		l.leave(a)
		died := time.Now()
		b.mustClaim(t, consumer("one", nil), newConnection(true)) // the probe is not answered
		if took := time.Since(died); took > 3*time.Second {
			t.Errorf("the reconnect took %v", took)
		}
		for {
			held, e := b.claimIn(t, consumer("three", nil))
			if e == nil {
				held.Serve(newConnection(true))
				break
			}
			if e.Kind != proxy.KindLimitReached || time.Since(died) > 20*time.Second {
				t.Fatalf("%v after its replica died: %v", time.Since(died), e)
			}
			time.Sleep(100 * time.Millisecond)
		}
	})
}

func TestAnOutageIsNobodysDeath(t *testing.T) {
	virtually(t, func(t *testing.T, l *topic, a, b *Sessions) {
		one, two := newConnection(true), newConnection(true)
		a.mustClaim(t, consumer("one", nil), one)
		b.mustClaim(t, consumer("two", nil), two)
		l.outage(true)
		time.Sleep(time.Minute)
		if a.Ready() == nil {
			t.Error("a replica is ready that Kafka has not heard of for a minute")
		}
		a.wantRefusal(t, consumer("three", nil), proxy.KindKafkaUnavailable)
		l.outage(false)
		time.Sleep(time.Minute)
		synctest.Wait()
		if len(one.lost)+len(two.lost) > 0 {
			t.Error("the outage cost somebody the session")
		}
		if n := len(b.List()); n != 2 {
			t.Errorf("%d sessions are left", n)
		}
		b.wantRefusal(t, consumer("three", nil), proxy.KindLimitReached)
	})
}

func TestARecreatedTopicIsFilledAnew(t *testing.T) {
	virtually(t, func(t *testing.T, l *topic, a, b *Sessions) {
		one, two := newConnection(true), newConnection(true)
		first := a.mustClaim(t, consumer("one", nil), one)
		b.mustClaim(t, consumer("two", nil), two)
		before := b.List()
		l.recreate()
		time.Sleep(time.Second)
		synctest.Wait()
		after := b.List()
		if len(after) != 2 || after[0] != before[0] || after[1] != before[1] {
			t.Errorf("the sessions were %v, and are %v", before, after)
		}
		if len(one.lost)+len(two.lost) > 0 {
			t.Error("somebody lost the session")
		}
		a.wantRefusal(t, consumer("three", nil), proxy.KindLimitReached)
		first.Close()
		synctest.Wait()
		a.mustClaim(t, consumer("three", nil), newConnection(true))
	})
}

func TestEvict(t *testing.T) {
	virtually(t, func(t *testing.T, _ *topic, a, b *Sessions) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		one := newConnection(true)
		a.mustClaim(t, consumer("one", nil), one)
		list := b.List()
		if len(list) != 1 || list[0].Client != "one" || list[0].Replica != "a" {
			t.Fatalf("the sessions are %+v", list)
		}
		if err := b.Evict(ctx, list[0].ID); err != nil {
			t.Fatal(err)
		}
		one.ends(t, proxy.CloseReplaced)
		if err := b.Evict(ctx, list[0].ID); proxy.AsError(err).Kind != proxy.KindNotFound {
			t.Errorf("the second eviction: %v", err)
		}
	})
}

func TestProducersAreTheirInstances(t *testing.T) {
	virtually(t, func(t *testing.T, _ *topic, a, b *Sessions) {
		producer := func(instance string) Request {
			return Request{Kind: Producer, Client: "p", Instance: instance, Topic: "t", Limit: 2}
		}
		a.mustClaim(t, producer("1"), newConnection(true))
		b.wantRefusal(t, producer("1"), proxy.KindDuplicateClient)
		b.mustClaim(t, producer("2"), newConnection(true))
		b.wantRefusal(t, producer("3"), proxy.KindLimitReached)
	})
}

func TestAConnectionThatDiedWhileBeingAdmitted(t *testing.T) {
	virtually(t, func(t *testing.T, _ *topic, a, b *Sessions) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		for range 10 {
			if held, e := a.Claim(ctx, consumer("one", nil)); e == nil {
				held.Close()
			}
		}
		synctest.Wait()
		b.mustClaim(t, consumer("one", func(q *Request) { q.OnConflict = Reject }), newConnection(true))
	})
}

func TestForeignRecordsAreSkipped(t *testing.T) {
	virtually(t, func(t *testing.T, l *topic, a, b *Sessions) {
		for _, r := range []Record{
			{},
			{Key: "x", Value: []byte("y")},
			{Key: "claim/x", Value: []byte("{")},
			{Key: "claim/\xff", Value: []byte("{}")},
			{Key: "claim/x", Value: []byte(`{"state":"admitted","kind":"consumer","client":"c","group":"g","topic":"t","replica":"r","server":"s","since":0,"lease":-5}`)},
			{Key: "lapse/", Value: []byte(`{"by":"x","asked":1,"lease":1}`)},
			{Key: "replica/", Value: []byte(`{"server":"x","count":1}`)},
		} {
			l.append([]Record{r}, func(error) {})
		}
		synctest.Wait()
		for _, s := range []*Sessions{a, b} {
			s.mu.Lock()
			if got := s.replica.fold.skipped; got != 6 {
				t.Errorf("%d records are skipped, want 6", got)
			}
			s.mu.Unlock()
		}
		a.mustClaim(t, consumer("one", nil), newConnection(true))
	})
}
