package e2e

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/wsproxy/kafka-websocket-proxy/test/certs"
)

// fromTheStart are the metrics without labels, and those whose event is the start itself.
func fromTheStart() map[string]string {
	return map[string]string{
		"build_info": "commit go version", "ready": "", "connections_opened_total": "", "connection_seconds": "",
		"produce_seconds": "", "in_flight_messages": "", "delivery_seconds": "", "slow_client_closes_total": "", "tail_encodings_total": "", "tail_compressions_total": "",
		"queue_held": "", "queue_partitions_full": "", "queue_expired_total": "", "queue_deliveries": "",
		"bytes_received_total": "", "bytes_sent_total": "", "state_lag": "table", "certificate_expiry_seconds": "listener",
		"kafka_clients": "kind", "memory_held_bytes": "kind", "memory_budget_bytes": "",
	}
}

// withAnEvent are the metrics that appear with their first event.
func withAnEvent() map[string]string {
	return map[string]string{
		"connections": "direction payload", "connections_closed_total": "code direction", "handshakes_refused_total": "code direction",
		"records_produced_total": "topic", "produce_errors_total": "code topic",
		"records_delivered_total": "topic", "records_undecodable_total": "topic", "commits_total": "result",
		"group_lag": "group topic", "group_connections": "group", "throttled_seconds_total": "direction",
		"session_claims": "kind", "session_conflicts_total": "outcome", "state_records_skipped_total": "table",
		"auth_total": "method outcome", "reload_errors_total": "file", "queue_settled_total": "outcome", "queue_lag": "group topic",
	}
}

// ofTheKafkaClient are the metrics that come from franz-go, except those that need not appear: of
// connections that end or fail while they are used, and of quotas.
func ofTheKafkaClient() map[string]string {
	metrics := make(map[string]string)
	for _, name := range []string{
		"connects_total", "connect_errors_total", "write_bytes_total", "read_bytes_total",
		"request_duration_e2e_seconds", "produce_batches_total", "produce_bytes_total",
	} {
		metrics["kafka_"+name] = "kind node_id"
	}
	return metrics
}

func isOfTheKafkaClient(name, _ string) bool {
	return strings.HasPrefix(name, "kafka_") && name != "kafka_clients"
}

func needNotCome(name, _ string) bool {
	return slices.Contains([]string{
		"kafka_disconnects_total", "kafka_read_errors_total", "kafka_write_errors_total", "kafka_request_throttled_seconds",
	}, name)
}

var (
	seriesLine = regexp.MustCompile(`(?m)^wsproxy_(\w+?)(?:_bucket|_sum|_count)?(?:\{(.*)\})? \S+$`)
	labelOf    = regexp.MustCompile(`(\w+)="(?:[^"\\]|\\.)*",?`)
)

// metrics returns the labels of each metric of the proxy's own, and fails where two of its series
// have different ones.
func (p *proxy) metrics(t *testing.T) map[string]string {
	t.Helper()
	found := make(map[string]string)
	for _, line := range seriesLine.FindAllStringSubmatch(p.manage(t, "/metrics").body, -1) {
		var names []string
		for _, label := range labelOf.FindAllStringSubmatch(line[2], -1) {
			if label[1] != "le" {
				names = append(names, label[1])
			}
		}
		slices.Sort(names)
		labels := strings.Join(names, " ")
		if before, known := found[line[1]]; known && before != labels {
			t.Errorf("series of %s have the labels %q and %q", line[1], before, labels)
		}
		found[line[1]] = labels
	}
	return found
}

// TestEveryMetricComes causes every counted event, and checks that each metric exists with its labels.
func TestEveryMetricComes(t *testing.T) {
	onBoth(t, func(t *testing.T, k *cluster) {
		state := k.group() // a topic of its own
		policy := newFile(t, `rules: [{subjects: ["*"], produce: ["*"], consume: ["*"]}]`)
		cert, key := certs.NewAuthority(t).Server(t).Write(t, t.TempDir())
		p := k.start(t, "SSL_ENABLED=true", "SSL_BIND_INTERFACE=127.0.0.1", "SSL_PORT=0", "ADMIN_SSL_ENABLED=false",
			"SSL_CERT_FILE="+cert, "SSL_KEY_FILE="+key, "AUTHZ_POLICY_FILE="+policy.path, "SESSION_STATE_TOPIC="+state,
			"BASIC_AUTH_ENABLED=true", "BASIC_AUTH_USERNAME=alice", "BASIC_AUTH_PASSWORD=sesame")
		at := p.metrics(t)
		maps.DeleteFunc(at, isOfTheKafkaClient)
		compare(t, at, fromTheStart())
		p.everythingHappens(t, k, state, policy)
		got := p.metrics(t)
		p.kafka.shut(false) // a group may lose its partitions by this, and its lag metric with them
		eventually(t, "Kafka's absence is counted", func() bool {
			maps.Copy(got, p.metrics(t))
			return got["kafka_connect_errors_total"] != ""
		})
		maps.DeleteFunc(got, needNotCome)
		want := fromTheStart()
		maps.Copy(want, ofTheKafkaClient())
		maps.Copy(want, withAnEvent())
		compare(t, got, want)
	})
}

// compare reports metrics that are missing, are not specified, or have other labels.
func compare(t *testing.T, got, want map[string]string) {
	t.Helper()
	for name, labels := range want {
		if found, ok := got[name]; !ok || found != labels {
			t.Errorf("wsproxy_%s: there %t, with the labels %q, want %q", name, ok, found, labels)
		}
	}
	for name := range got {
		if _, ok := want[name]; !ok {
			t.Errorf("wsproxy_%s is there", name)
		}
	}
}

// everythingHappens causes each event that is counted.
func (p *proxy) everythingHappens(t *testing.T, k *cluster, state string, policy file) {
	t.Helper()
	topic, alice := k.topic(t, 1), basic("alice", "sesame")
	k.produce(t, state, &kgo.Record{Key: []byte("not the proxy's"), Value: []byte("x")})
	in := p.dialAs(t, alice, k.path("/socket/in", topic))
	in.send(`{"value":{"value":"v"}}`, `{"value":{"value":"v"}}`, `not JSON`)
	in.ack()
	in.ack()
	in.refusal("INVALID_JSON")
	reading := k.path("/socket/out", topic)
	out := p.dialAs(t, alice, addQuery(reading, "valType=long&rate=1"))
	if got := p.upgrade(t, addQuery(reading, "onConflict=reject"), "Authorization", alice); got.status != 409 {
		t.Errorf("a duplicate: got %d %s", got.status, got.body)
	}
	out.deliveries(2)
	go func() { _, _ = out.next() }() // answers the ping
	eventually(t, "a commit", func() bool { return p.metric(t, `wsproxy_commits_total{result="ok"}`) > 0 })
	eventually(t, "the lag is known", func() bool { return strings.HasSuffix(p.series(t, "wsproxy_group_lag"), " 0") })
	in.close()
	worker := &worker{pumping(p.dialAs(t, alice, queuePath(topic, k.group())))}
	worker.send(fmt.Sprintf(`{"accept":%q}`, worker.record().ID))
	eventually(t, "a record is settled", func() bool { return p.metric(t, `wsproxy_queue_settled_total{outcome="accept"}`) > 0 })
	eventually(t, "the lag of the queue is known", func() bool { return strings.HasSuffix(p.series(t, "wsproxy_queue_lag"), " 1") })
	policy.write("no rules")
	eventually(t, "the faulty file is noticed", func() bool { return p.series(t, "wsproxy_reload_errors_total") != "" })
}
