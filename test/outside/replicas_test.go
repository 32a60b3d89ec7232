package outside

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/wsproxy/kafka-websocket-proxy/test/stopwatch"
)

// replicas are proxies in front of one Kafka that share a sessions topic of their own.
type replicas struct {
	t     testing.TB
	kafka *cluster
	topic string // of sessions
	list  []*proxy
	more  []string // settings
}

func newReplicas(t testing.TB, k *cluster, n int, settings ...string) *replicas {
	t.Helper()
	r := &replicas{t: t, kafka: k, more: settings}
	r.topic = strings.NewReplacer("/", "-", " ", "-").Replace(fmt.Sprintf("%s-sessions-%d", t.Name(), time.Now().UnixNano()))
	for range n {
		r.start()
	}
	return r
}

// start adds a replica.
func (r *replicas) start() *proxy {
	r.t.Helper()
	p := serve(r.t, r.kafka.addr, append([]string{
		"WSPROXY_SESSION_STATE_TOPIC=" + r.topic, "WSPROXY_ADMIN_ENDPOINT_ENABLED=true",
		fmt.Sprintf("WSPROXY_SERVER_ID=replica-%d", len(r.list)+1),
	}, r.more...)...)
	r.list = append(r.list, p)
	return p
}

// connected is a session as the admin API shows it.
type connected struct{ ID, Kind, Client, Group, Replica string }

// sessions lists the sessions that one replica knows.
func (p *proxy) sessions(t testing.TB) []connected {
	t.Helper()
	answer, err := http.Get("http://" + p.management + "/admin/sessions")
	must(t, err)
	defer answer.Body.Close()
	var list []connected
	must(t, json.NewDecoder(answer.Body).Decode(&list))
	return list
}

// tryHandshake tries a handshake, and returns the connection or the status of the refusal.
func tryHandshake(ctx context.Context, url string) (*websocket.Conn, int, error) {
	conn, answer, err := websocket.Dial(ctx, url, nil) //nolint:bodyclose // its documentation: never needed
	switch {
	case err == nil:
		conn.SetReadLimit(-1)
		return conn, http.StatusSwitchingProtocols, nil
	case answer != nil:
		return nil, answer.StatusCode, nil
	default:
		return nil, 0, err
	}
}

// TestSorePointReplicasCountClientsOnce has few races. [TestLongSorePointReplicasCountClientsOnce] has more.
func TestSorePointReplicasCountClientsOnce(t *testing.T) {
	t.Parallel()
	raceForPlaces(t, short().races)
}

func TestLongSorePointReplicasCountClientsOnce(t *testing.T) {
	t.Parallel()
	raceForPlaces(t, scaled().races)
}

// raceForPlaces lets 200 clients race for the 10 partitions of a topic, through two replicas and through
// three: exactly ten are admitted, each time.
func raceForPlaces(t *testing.T, rounds int) {
	t.Helper()
	for _, n := range []int{2, 3} {
		t.Run(fmt.Sprintf("%d replicas", n), func(t *testing.T) {
			k := realKafka(t)
			r := newReplicas(t, k, n)
			topic := k.topic(10)
			for round := range rounds {
				admitted, refused := r.race(topic, round)
				if len(admitted) != 10 || refused != 190 {
					t.Fatalf("round %d: %d of 200 were let in, %d refused", round, len(admitted), refused)
				}
				for _, conn := range admitted {
					_ = conn.CloseNow()
				}
				await(t, "all slots to be free", func() bool { return len(r.list[0].sessions(t)) == 0 })
			}
			t.Logf("%d rounds: 10 of 200 were let in, each time", rounds)
		})
	}
}

func (r *replicas) race(topic string, round int) (admitted []*websocket.Conn, refused int) {
	ctx := within(r.t, patience)
	var mu sync.Mutex
	var racers sync.WaitGroup
	for i := range 200 {
		p := r.list[i%len(r.list)]
		racers.Go(func() {
			url := p.url(fmt.Sprintf("/socket/out?clientId=c%d&groupId=%s-%d&topic=%s", i, topic, round, topic))
			conn, status, err := tryHandshake(ctx, url)
			for err == nil && status == http.StatusServiceUnavailable { // it asks to try again: Kafka was too slow for so many
				conn, status, err = tryHandshake(ctx, url)
			}
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err != nil:
				r.t.Errorf("round %d: %v", round, err)
			case conn != nil:
				admitted = append(admitted, conn)
			case status == http.StatusTooManyRequests:
				refused++
			default:
				r.t.Errorf("round %d: status %d", round, status)
			}
		})
	}
	racers.Wait()
	return admitted, refused
}

// TestSorePointReconnectsAreNotRefused disconnects a client without a FIN, as far as the proxy can see:
// it reconnects through another replica and is admitted within three seconds.
func TestSorePointReconnectsAreNotRefused(t *testing.T) {
	t.Parallel()
	k := realKafka(t)
	r := newReplicas(t, k, 2)
	topic := k.topic(1)
	query := "/socket/out?clientId=phone&topic=" + topic
	dial(t, r.list[0].url(query)) // nothing is read from it: it answers no ping
	watch := stopwatch.Start(t)
	conn, status, err := tryHandshake(within(t, patience), r.list[1].url(query))
	must(t, err)
	took := watch.Elapsed()
	if conn == nil {
		t.Fatalf("refused with %d after %v", status, took)
	}
	t.Cleanup(func() { _ = conn.CloseNow() })
	if took > 3*time.Second {
		t.Errorf("let in after %v", took)
	}
	t.Logf("let in after %v", took.Round(time.Millisecond))

	readOn(t, conn)
	if _, status, err = tryHandshake(within(t, patience), r.list[0].url(query)); err != nil || status != http.StatusConflict {
		t.Errorf("the identity of a live client: status %d, %v", status, err)
	}
}

// TestClientsOfAKilledReplicaComeBack kills one of three replicas: its clients reconnect through the
// others, most of them at once, since no replica confirms their old connections.
func TestClientsOfAKilledReplicaComeBack(t *testing.T) {
	t.Parallel()
	const clients = 30
	lease := scaled().lease
	k := realKafka(t)
	r := newReplicas(t, k, 3, "WSPROXY_SESSION_LEASE="+lease.String())
	topic := k.topic(clients)
	query := func(i int) string {
		return fmt.Sprintf("/socket/out?clientId=c%d&groupId=%s&topic=%s", i, topic, topic)
	}
	for i := range clients {
		readOn(t, dial(t, r.list[i%3].url(query(i))))
	}
	r.list[0].Kill()
	killed := time.Now()
	var back sync.WaitGroup
	var mu sync.Mutex
	var times []time.Duration
	refused := 0
	for i := 0; i < clients; i += 3 {
		back.Go(func() {
			for try := 0; ; try++ {
				conn, status, err := tryHandshake(within(t, patience), r.list[1+try%2].url(query(i)))
				if err != nil {
					t.Errorf("client %d: %v", i, err)
					return
				}
				mu.Lock()
				if conn != nil {
					readOn(t, conn)
					times = append(times, time.Since(killed))
					mu.Unlock()
					return
				}
				refused++
				if time.Since(killed) > lease+5*time.Second {
					t.Errorf("client %d is refused with %d, %v after its replica was killed", i, status, time.Since(killed))
					mu.Unlock()
					return
				}
				mu.Unlock()
			}
		})
	}
	back.Wait()
	var last time.Duration
	for _, took := range times {
		last = max(last, took)
	}
	t.Logf("%d clients are back, the last after %v; %d tries were refused on the way", len(times), last.Round(time.Millisecond), refused)
	await(t, "the sessions to be those of the clients", func() bool { return len(r.list[1].sessions(t)) == clients })
	<-time.After(time.Until(killed.Add(lease + 5*time.Second))) // nothing may happen until then
	if list := r.list[2].sessions(t); len(list) != clients {
		t.Errorf("%d sessions are left of %d", len(list), clients)
	}
}
