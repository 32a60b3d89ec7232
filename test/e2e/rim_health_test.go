package e2e

import (
	"encoding/json"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/wsproxy/kafka-websocket-proxy/test/stopwatch"
)

// soon is the time within which the proxy must report that Kafka does not answer.
const soon = 5 * time.Second

// readiness is the body of /readyz.
type readiness struct {
	Ready  bool
	Checks map[string]string
}

func (p *proxy) readiness(t *testing.T) (status int, body readiness) {
	t.Helper()
	got := p.manage(t, "/readyz")
	if err := json.Unmarshal([]byte(got.body), &body); err != nil || got.header.Get("Content-Type") != "application/json" {
		t.Fatalf("/readyz: %d %s", got.status, got.body)
	}
	return got.status, body
}

func (p *proxy) awaitReady(t *testing.T, want bool) {
	t.Helper()
	eventually(t, "/readyz turns", func() bool {
		status, body := p.readiness(t)
		if (status == 200) != body.Ready || status != 200 && status != 503 {
			t.Fatalf("/readyz: %d with %+v", status, body)
		}
		return body.Ready == want && (!want || body.isWell())
	})
}

// isWell reports whether every check is fine: a replica is ready before it can read the sessions again.
func (r readiness) isWell() bool {
	for _, result := range r.Checks {
		if result != "ok" {
			return false
		}
	}
	return true
}

func TestSorePointHealthTurnsRedWhenKafkaIsDown(t *testing.T) {
	onBoth(t, func(t *testing.T, k *cluster) {
		for name, silent := range map[string]bool{"refusing": false, "silent": true} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				testKafkaDown(t, k, silent)
			})
		}
	})
}

func testKafkaDown(t *testing.T, k *cluster, silent bool) {
	t.Helper()
	topic := k.topic(t, 1)
	p := k.start(t)
	p.awaitReady(t, true)
	p.kafka.shut(silent)
	p.awaitReady(t, false)
	if _, body := p.readiness(t); body.Checks["kafka"] == "ok" || body.Checks["draining"] != "ok" {
		t.Errorf("got %+v", body)
	}
	for _, path := range []string{"/kafka/cluster/info", target("/socket/in", topic, nil), target("/socket/out", topic, nil)} {
		watch := stopwatch.Start(t)
		got := p.upgradeOnce(t, path)
		if f := got.failure(t); got.status != 503 || f.Code != "KAFKA_UNAVAILABLE" {
			t.Errorf("%s: got %d %+v", path, got.status, f)
		}
		if took := watch.Elapsed(); took > soon {
			t.Errorf("%s: the answer took %v", path, took)
		}
	}
	if got := p.manage(t, "/livez"); got.status != 200 {
		t.Errorf("/livez: %d", got.status)
	}
	p.kafka.unlock()
	p.awaitReady(t, true)
	c := p.in(t, topic)
	c.send(`{"value":null}`)
	c.ack()
}

// TestReadinessOfASlowKafka: the proxy is ready with a slow Kafka, and not ready with one that is too
// slow to be used.
func TestReadinessOfASlowKafka(t *testing.T) {
	t.Parallel()
	onFake(t, func(t *testing.T, k *cluster) {
		p := k.start(t)
		alive := func() {
			if got := p.manage(t, "/livez"); got.status != 200 {
				t.Errorf("/livez: %d", got.status)
			}
		}
		p.kafka.late.Store(int64(50 * time.Millisecond))
		asked := func() float64 {
			return p.metric(t, `wsproxy_kafka_request_duration_e2e_seconds_count{kind="admin",node_id="0"}`)
		}
		before := asked()
		eventually(t, "Kafka is asked twice", func() bool {
			if status, body := p.readiness(t); status != 200 {
				t.Fatalf("/readyz: %d %+v", status, body)
			}
			alive()
			return asked() >= before+2
		})
		p.kafka.late.Store(int64(3 * time.Second))
		p.awaitReady(t, false)
		if _, body := p.readiness(t); body.Checks["kafka"] != "no broker answers" || body.Checks["draining"] != "ok" {
			t.Errorf("got %+v", body)
		}
		alive()
		p.kafka.late.Store(0)
		p.awaitReady(t, true)
	})
}

func TestProxyStartedBeforeKafkaBecomesReady(t *testing.T) {
	t.Parallel()
	t.Run("kfake", func(t *testing.T) {
		t.Parallel()
		testStartedBeforeKafka(t)
	})
}

func testStartedBeforeKafka(t *testing.T) {
	t.Helper()
	// The port is kept until Kafka takes it, so that no other process can take it.
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() { // closes all connections: no broker answers yet
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			_ = conn.Close()
		}
	}()
	p := startProxy(t, listener.Addr().String())
	t.Cleanup(p.app.Shutdown)
	if got := p.manage(t, "/livez"); got.status != 200 {
		t.Errorf("/livez: %d", got.status)
	}
	if status, body := p.readiness(t); status != 503 || body.Ready {
		t.Errorf("/readyz: %d %+v", status, body)
	}
	if got := p.get(t, "/healthcheck"); got.status != 200 {
		t.Errorf("/healthcheck: %d", got.status)
	}
	if got := p.upgrade(t, "/socket/in?clientId=c&topic=demo"); got.status != 503 {
		t.Errorf("a handshake: %d %s", got.status, got.body)
	}
	_ = listener.Close()
	fake, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, "demo"), kfake.ListenFn(func(network, _ string) (net.Listener, error) {
		return net.Listen(network, listener.Addr().String())
	}))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(fake.Close)
	p.awaitReady(t, true)
	c := p.in(t, "demo")
	c.send(`{"value":null}`)
	c.ack()
	c.close()
	fake.Close()
	p.awaitReady(t, false)
}

func TestInternalErrorsDoNotLeakTheirText(t *testing.T) {
	onBoth(t, func(t *testing.T, k *cluster) {
		p := k.start(t)
		p.kafka.shut(false)
		for _, path := range []string{"/kafka/cluster/info", "/socket/in?clientId=c&topic=t"} {
			if got := p.upgrade(t, path); strings.Contains(got.body, errShut.Error()) || strings.Contains(got.body, k.addr) {
				t.Errorf("%s: %s", path, got.body)
			}
		}
	})
}
