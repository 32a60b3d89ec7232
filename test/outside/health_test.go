package outside

import (
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/wsproxy/kafka-websocket-proxy/test/kafka"
	"github.com/wsproxy/kafka-websocket-proxy/test/stopwatch"
)

// checks are the readiness checks as /readyz shows them.
func (p *proxy) checks(t testing.TB) map[string]string {
	t.Helper()
	answer, err := http.Get("http://" + p.management + "/readyz")
	must(t, err)
	defer answer.Body.Close()
	var body struct{ Checks map[string]string }
	must(t, json.NewDecoder(answer.Body).Decode(&body))
	return body.Checks
}

// awaitReadiness waits for an answer of /readyz. /livez must succeed meanwhile, whatever Kafka does.
func (p *proxy) awaitReadiness(t testing.TB, want int) {
	t.Helper()
	await(t, "readiness to change", func() bool {
		if status := p.status("/livez"); status != http.StatusOK {
			t.Fatalf("/livez: %d", status)
		}
		return p.status("/readyz") == want && (want != http.StatusOK || p.isWell(t))
	})
}

// isWell reports whether every check is fine: a replica is ready before it can read the sessions again.
func (p *proxy) isWell(t testing.TB) bool {
	t.Helper()
	for _, result := range p.checks(t) {
		if result != "ok" {
			return false
		}
	}
	return true
}

// TestSorePointHealthChecksThatStayGreenWhileKafkaIsDown stops the broker, and pauses it: a paused broker
// accepts connections but answers nothing. Finally the proxy is terminated while the broker does not
// answer, and still ends in time.
func TestSorePointHealthChecksThatStayGreenWhileKafkaIsDown(t *testing.T) {
	t.Parallel()
	const drainDelay, grace = time.Second, 10 * time.Second
	broker := kafka.RequireOwn(t, kafka.Options{})
	topic := connect(t, broker.Addr()).topic(1)
	p := serve(t, broker.Addr(), "WSPROXY_DRAIN_DELAY="+drainDelay.String(), "WSPROXY_SHUTDOWN_GRACE="+grace.String())
	for _, outage := range []struct {
		name       string
		begin, end func() error
	}{
		{"paused", broker.Pause, broker.Resume},
		{"stopped", broker.Stop, func() error { return broker.Restart(within(t, patience)) }},
	} {
		must(t, outage.begin())
		p.awaitReadiness(t, http.StatusServiceUnavailable)
		if checks := p.checks(t); checks["kafka"] == "ok" || checks["draining"] != "ok" {
			t.Errorf("%s: the checks say %v", outage.name, checks)
		}
		must(t, outage.end())
		p.awaitReadiness(t, http.StatusOK)
	}
	producer := dial(t, p.url("/socket/in?clientId=p&topic="+topic))
	consumer := dial(t, p.url("/socket/out?clientId=c&groupId="+topic+"&topic="+topic))
	ctx := within(t, patience)
	for _, conn := range []*websocket.Conn{producer, consumer} {
		go readToClose(ctx, conn, nil)
	}
	send(t, producer, `{"value":{"value":"v"}}`)
	await(t, "a commit", func() bool { return p.metric(t, `wsproxy_commits_total{result="ok"}`) > 0 })
	must(t, broker.Pause())
	send(t, producer, `{"value":{"value":"never answered"}}`)
	watch := stopwatch.Start(t)
	p.terminate()
	code, took := p.exit(patience), watch.Elapsed()
	if code != 0 || took > drainDelay+grace+3*time.Second { // a slow machine may be as late; a pod has 5 s
		t.Errorf("under a broker that does not answer it ended with %d after %v", code, took)
	}
	t.Logf("ended after %v of at most %v", took, drainDelay+grace)
	must(t, broker.Resume())
}
