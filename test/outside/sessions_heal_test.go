package outside

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/wsproxy/kafka-websocket-proxy/test/kafka"
)

// roamers are clients with a session each that connect again, through whatever replica, when they lose their
// connection.
type roamers struct {
	t       testing.TB
	topic   string
	name    string // of all clients, before their numbers
	stop    context.CancelFunc
	running sync.WaitGroup

	mu    sync.Mutex
	urls  []string // of replicas that take clients
	conns []*websocket.Conn
	ends  map[websocket.StatusCode]int
}

// roam connects n clients, the i-th of them first through the replica i modulo their number.
func roam(t testing.TB, topic string, n int, replicas ...*proxy) *roamers {
	t.Helper()
	return roamNamed(t, topic, "c", n, replicas...)
}

// roamNamed is roam for clients whose ids begin with a name.
func roamNamed(t testing.TB, topic, name string, n int, replicas ...*proxy) *roamers {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	r := &roamers{t: t, topic: topic, name: name, stop: stop, conns: make([]*websocket.Conn, n), ends: make(map[websocket.StatusCode]int)}
	r.through(replicas...)
	for i := range n {
		r.running.Go(func() { r.run(ctx, i) })
	}
	t.Cleanup(func() {
		stop()
		r.running.Wait()
	})
	await(t, "all clients to be connected", func() bool { return r.connected() == n })
	return r
}

// through tells the clients which replicas they may connect through.
func (r *roamers) through(replicas ...*proxy) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.urls = nil
	for _, p := range replicas {
		r.urls = append(r.urls, p.url(""))
	}
}

func (r *roamers) query(i int) string {
	return fmt.Sprintf("/socket/in?clientId=%s%d&instanceId=i&topic=%s", r.name, i, r.topic)
}

func (r *roamers) run(ctx context.Context, i int) {
	for try := i; ctx.Err() == nil; try++ {
		r.mu.Lock()
		url := r.urls[try%len(r.urls)]
		r.mu.Unlock()
		conn, _, err := tryHandshake(ctx, url+r.query(i))
		if err != nil || conn == nil {
			pause(ctx, 50*time.Millisecond)
			continue
		}
		r.set(i, conn)
		_, _, err = conn.Read(ctx)
		_ = conn.CloseNow()
		if ctx.Err() == nil {
			r.ended(i, websocket.CloseStatus(err))
		}
	}
}

func (r *roamers) set(i int, conn *websocket.Conn) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.conns[i] = conn
}

func (r *roamers) ended(i int, code websocket.StatusCode) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.conns[i] = nil
	r.ends[code]++
}

// abandon cuts a client's connection without a close frame: it connects again.
func (r *roamers) abandon(i int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	_ = r.conns[i].CloseNow()
}

func (r *roamers) connected() (n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, conn := range r.conns {
		if conn != nil {
			n++
		}
	}
	return n
}

// codes returns how often connections have ended with each code; -1 is an end without one.
func (r *roamers) codes() map[websocket.StatusCode]int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return maps.Clone(r.ends)
}

// areHeld asserts that each client has the one session of its identity.
func (r *roamers) areHeld(replicas ...*proxy) {
	r.t.Helper()
	for i := range r.conns {
		url := replicas[i%len(replicas)].url(r.query(i) + "&onConflict=reject")
		conn, status, err := tryHandshake(within(r.t, patience), url)
		for by := time.Now().Add(patience); status == http.StatusServiceUnavailable && time.Now().Before(by); { // it asks to try again
			pause(r.t.Context(), 50*time.Millisecond)
			conn, status, err = tryHandshake(within(r.t, patience), url)
		}
		if conn != nil {
			_ = conn.CloseNow()
		}
		if err != nil || status != http.StatusConflict {
			r.t.Errorf("client %d is connected, and another one with its identity gets status %d, %v", i, status, err)
		}
	}
}

// TestLongALostStateTopicIsFilledAgain deletes the topic of the sessions and makes it again, and lets Kafka refuse
// all writes to it for ten seconds.
func TestLongALostStateTopicIsFilledAgain(t *testing.T) {
	t.Parallel()
	const clients = 20
	lease := scaled().lease
	k := connect(t, kafka.RequireOwn(t, kafka.Options{}).Addr())
	r := newReplicas(t, k, 2, "WSPROXY_SESSION_LEASE="+lease.String(), "WSPROXY_KAFKA_PRODUCER_SESSIONS_ENABLED=true")
	c := roam(t, k.topic(1), clients, r.list...)
	for _, p := range r.list { // they make the topic otherwise
		must(t, p.Signal(syscall.SIGSTOP))
	}
	_, err := k.admin.DeleteTopic(within(t, patience), r.topic)
	must(t, err)
	settings := map[string]*string{
		"cleanup.policy": new("compact"), "message.timestamp.type": new("LogAppendTime"),
		"min.compaction.lag.ms": new(fmt.Sprint(10 * lease.Milliseconds())), "max.message.bytes": new("1"), // nothing is so small
	}
	await(t, "the topic to be made again", func() bool {
		made, err := k.admin.CreateTopic(within(t, patience), 1, 1, settings, r.topic)
		return err == nil && made.Err == nil
	})
	for _, p := range r.list {
		must(t, p.Signal(syscall.SIGCONT))
	}
	<-time.After(10 * time.Second) // what is written fails until then
	for i, p := range r.list {
		if n := len(p.sessions(t)); n != 0 {
			t.Fatalf("replica %d knows %d sessions from a topic that takes no writes", i+1, n)
		}
	}
	_, err = k.admin.AlterTopicConfigs(within(t, patience), []kadm.AlterConfig{{Op: kadm.DeleteConfig, Name: "max.message.bytes"}}, r.topic)
	must(t, err)
	mended := time.Now()
	for _, p := range r.list {
		awaitWithin(t, 2*lease, "the replicas to admit clients again", func() bool { return p.isWell(t) })
		awaitWithin(t, 2*lease, "all sessions to be in the topic again", func() bool { return len(p.sessions(t)) == clients })
	}
	t.Logf("%d sessions are in the topic again after %v", clients, time.Since(mended).Round(time.Millisecond))
	c.areHeld(r.list[1], r.list[0])
	if ends := c.codes(); len(ends) > 0 {
		t.Errorf("connections have ended: %v", ends)
	}
}

// TestLongAFrozenReplicaKeepsItsClients stops a replica with a hundred clients for two leases, as a hypervisor
// does. Half of them give up, and connect through another replica; when the first one goes on, the others are still
// there, and none of them was told to stop.
func TestLongAFrozenReplicaKeepsItsClients(t *testing.T) {
	t.Parallel()
	const clients = 100
	lease := scaled().lease
	k := realKafka(t)
	r := newReplicas(t, k, 2, "WSPROXY_SESSION_LEASE="+lease.String(), "WSPROXY_KAFKA_PRODUCER_SESSIONS_ENABLED=true")
	frozen, other := r.list[0], r.list[1]
	c := roam(t, k.topic(1), clients, frozen)
	c.through(other)
	must(t, frozen.Signal(syscall.SIGSTOP))
	stopped := time.Now()
	awaitWithin(t, 2*lease, "the sessions to lapse", func() bool { return len(other.sessions(t)) == 0 })
	for i := 0; i < clients; i += 2 {
		c.abandon(i)
	}
	await(t, "half of the clients to be back", func() bool { return len(other.sessions(t)) == clients/2 })
	<-time.After(time.Until(stopped.Add(2 * lease)))
	must(t, frozen.Signal(syscall.SIGCONT))
	goesOn := time.Now()
	for _, p := range r.list {
		awaitWithin(t, 2*lease, "all sessions to be known", func() bool { return len(p.sessions(t)) == clients })
	}
	t.Logf("all %d sessions are known %v after the replica went on", clients, time.Since(goesOn).Round(time.Millisecond))
	<-time.After(lease) // nothing may happen until then
	c.areHeld(other, frozen)
	if ends := c.codes(); ends[-1] != clients/2 || len(ends) != 1 {
		t.Errorf("connections have ended: %v, want the %d that were abandoned", ends, clients/2)
	}
}

// TestLongTheLeaseIsChangedByARollingUpdate replaces three replicas one after the other, twice: the second lease is
// eight times the first. No connection ends but by a shutdown.
func TestLongTheLeaseIsChangedByARollingUpdate(t *testing.T) {
	t.Parallel()
	const clients = 100
	short, long := scaled().lease, 8*scaled().lease
	settings := func(lease time.Duration) []string {
		return []string{"WSPROXY_SESSION_LEASE=" + lease.String(), "WSPROXY_KAFKA_PRODUCER_SESSIONS_ENABLED=true", "WSPROXY_DRAIN_DELAY=0s"}
	}
	k := realKafka(t)
	r := newReplicas(t, k, 3, settings(short)...)
	c := roam(t, k.topic(1), clients, r.list...)
	for _, lease := range []time.Duration{long, short} {
		r.more = settings(lease)
		for range 3 {
			old := r.list[0]
			r.list = r.list[1:]
			c.through(r.list...)
			old.terminate()
			if code := old.exit(patience); code != 0 {
				t.Errorf("exit code %d", code)
			}
			r.start()
			c.through(r.list...)
			await(t, "all clients to be connected", func() bool { return c.connected() == clients })
			<-time.After(2 * short) // a lease that is judged wrongly ends within it
		}
	}
	for _, p := range r.list {
		await(t, "all sessions to be known", func() bool { return len(p.sessions(t)) == clients })
	}
	ends := c.codes()
	t.Logf("connections have ended: %v", ends)
	if len(ends) != 1 || ends[websocket.StatusServiceRestart] == 0 {
		t.Errorf("connections have ended: %v, want by shutdowns alone", ends)
	}
}
