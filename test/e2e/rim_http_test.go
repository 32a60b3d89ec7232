package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"testing"
)

func TestHealthcheckAnswersWithoutKafka(t *testing.T) {
	onBoth(t, func(t *testing.T, k *cluster) {
		p := k.start(t)
		p.kafka.shut(true)
		got := p.get(t, "/healthcheck")
		var body map[string]string
		if err := json.Unmarshal([]byte(got.body), &body); err != nil || got.status != 200 || !reflect.DeepEqual(body, map[string]string{"response": "I'm healthy"}) {
			t.Errorf("got %d %s", got.status, got.body)
		}
		if kind := got.header.Get("Content-Type"); kind != "application/json" {
			t.Errorf("Content-Type %s", kind)
		}
	})
}

func TestClusterInfoListsTheBrokers(t *testing.T) {
	onBoth(t, func(t *testing.T, k *cluster) {
		metadata, err := k.admin.BrokerMetadata(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		type broker struct {
			ID   int32  `json:"id"`
			Host string `json:"host"`
			Port int32  `json:"port"`
			Rack string `json:"rack"`
		}
		var want, got []broker
		for _, b := range metadata.Brokers {
			one := broker{ID: b.NodeID, Host: b.Host, Port: b.Port}
			if b.Rack != nil {
				one.Rack = *b.Rack
			}
			want = append(want, one)
		}
		res := k.run(t).get(t, "/kafka/cluster/info")
		if err := json.Unmarshal([]byte(res.body), &got); err != nil || res.status != 200 || !reflect.DeepEqual(got, want) {
			t.Errorf("got %d %s, want %+v", res.status, res.body, want)
		}
	})
}

func TestErrorsOfUnknownPathsAndMethodsAreJSON(t *testing.T) {
	onBoth(t, func(t *testing.T, k *cluster) {
		p := k.run(t)
		main, management := "http://"+p.addr, "http://"+p.management
		for _, test := range []struct {
			method, address string
			status          int
			code            string
		}{
			{http.MethodGet, main + "/", 404, "NOT_FOUND"},
			{http.MethodGet, main + "/nothing", 404, "NOT_FOUND"},
			{http.MethodGet, main + "/socket", 404, "NOT_FOUND"},
			{http.MethodGet, main + "/socket/in/", 404, "NOT_FOUND"},
			{http.MethodPost, main + "/nothing", 404, "NOT_FOUND"},
			{http.MethodGet, main + "/metrics", 404, "NOT_FOUND"},
			{http.MethodGet, main + "/readyz", 404, "NOT_FOUND"},
			{http.MethodGet, management + "/socket/in", 404, "NOT_FOUND"},
			{http.MethodGet, management + "/admin/kafka/info", 404, "NOT_FOUND"},
			{http.MethodGet, management + "/debug/pprof/", 404, "NOT_FOUND"},
			{http.MethodPost, main + "/healthcheck", 405, "METHOD_NOT_ALLOWED"},
			{http.MethodPut, main + "/kafka/cluster/info", 405, "METHOD_NOT_ALLOWED"},
			{http.MethodPost, main + "/socket/in", 405, "METHOD_NOT_ALLOWED"},
			{http.MethodDelete, main + "/socket/out", 405, "METHOD_NOT_ALLOWED"},
			{http.MethodPost, management + "/metrics", 405, "METHOD_NOT_ALLOWED"},
			{http.MethodPost, management + "/readyz", 405, "METHOD_NOT_ALLOWED"},
		} {
			got := request(t, test.method, test.address)
			if f := got.failure(t); got.status != test.status || f.Code != test.code {
				t.Errorf("%s %s: got %d %+v, want %d %s", test.method, test.address, got.status, f, test.status, test.code)
			}
			if allow := got.header.Get("Allow"); (test.status == 405) != strings.Contains(allow, "GET") {
				t.Errorf("%s %s: Allow is %q", test.method, test.address, allow)
			}
		}
	})
}

func TestPathPrefix(t *testing.T) {
	onBoth(t, func(t *testing.T, k *cluster) {
		topic := k.topic(t, 1)
		p := k.start(t, "PATH_PREFIX=/gateway/kafka")
		for _, path := range []string{"/healthcheck", "/gateway/kafka/healthcheck", "/kafka/cluster/info", "/gateway/kafka/kafka/cluster/info"} {
			if got := p.get(t, path); got.status != 200 {
				t.Errorf("%s: got %d", path, got.status)
			}
		}
		for _, path := range []string{"/gateway", "/gateway/kafka/nothing", "/gateway/healthcheck"} {
			if got := p.get(t, path); got.status != 404 || got.failure(t).Code != "NOT_FOUND" {
				t.Errorf("%s: got %d %s", path, got.status, got.body)
			}
		}
		c := p.dial(t, "/gateway/kafka"+target("/socket/in", topic, nil))
		c.send(`{"value":null}`)
		c.ack()
	})
}

func TestLivez(t *testing.T) {
	onBoth(t, func(t *testing.T, k *cluster) {
		p := k.start(t)
		p.kafka.shut(true)
		if got := p.manage(t, "/livez"); got.status != 200 {
			t.Errorf("got %d %s", got.status, got.body)
		}
	})
}

func TestHugeRequestHeadersAreRefused(t *testing.T) {
	onBoth(t, func(t *testing.T, k *cluster) {
		p := k.start(t, "MAX_HEADER_BYTES=4096")
		if got := p.get(t, "/healthcheck", "X-Long", strings.Repeat("x", 64<<10)); got.status != 431 {
			t.Errorf("got %d", got.status)
		}
	})
}

func TestMetricsCountWhatHappened(t *testing.T) {
	onBoth(t, func(t *testing.T, k *cluster) {
		topic, group := k.topic(t, 1), k.group()
		p := k.start(t)
		in := p.in(t, topic, "valType=int")
		in.send(`{"value":{"value":1}}`, `{"value":{"value":2}}`, `{"value":{"value":"x"}}`, `not JSON`)
		in.ack()
		in.ack()
		in.refusal("INVALID_VALUE")
		in.refusal("INVALID_JSON")
		out := p.out(t, topic, "groupId="+group, "valType=long")
		out.deliveries(2)
		go func() { _, _ = out.next() }() // answers the ping
		k.awaitCommit(t, group, topic, 2)
		p.upgrade(t, "/socket/in?topic="+topic)
		for name, want := range map[string]float64{
			`wsproxy_ready`: 1,
			`wsproxy_connections{direction="in",payload="json"}`:                              1,
			`wsproxy_connections{direction="out",payload="json"}`:                             1,
			`wsproxy_connections_opened_total`:                                                2,
			`wsproxy_handshakes_refused_total{code="MISSING_PARAMETER",direction="in"}`:       1,
			fmt.Sprintf(`wsproxy_records_produced_total{topic=%q}`, topic):                    2,
			fmt.Sprintf(`wsproxy_produce_errors_total{code="INVALID_VALUE",topic=%q}`, topic): 1,
			fmt.Sprintf(`wsproxy_produce_errors_total{code="INVALID_JSON",topic=%q}`, topic):  1,
			`wsproxy_produce_seconds_count`:                                                   4,
			`wsproxy_in_flight_messages`:                                                      0,
			fmt.Sprintf(`wsproxy_records_delivered_total{topic=%q}`, topic):                   2,
			fmt.Sprintf(`wsproxy_records_undecodable_total{topic=%q}`, topic):                 2,
			fmt.Sprintf(`wsproxy_group_connections{group=%q}`, group):                         1,
			`wsproxy_commits_total{result="ok"}`:                                              1,
			`wsproxy_kafka_clients{kind="consumer"}`:                                          1,
			`wsproxy_kafka_clients{kind="producer"}`:                                          1,
			`wsproxy_slow_client_closes_total`:                                                0,
		} {
			eventually(t, fmt.Sprintf("%s is %v", name, want), func() bool { return p.metric(t, name) == want })
		}
		if p.metric(t, "wsproxy_bytes_received_total") < 50 || p.metric(t, "wsproxy_bytes_sent_total") < 200 {
			t.Error("the bytes are not counted")
		}
		in.close()
		eventually(t, "the close is counted", func() bool {
			return p.metric(t, `wsproxy_connections_closed_total{code="1000",direction="in"}`) == 1 &&
				p.metric(t, `wsproxy_connections{direction="in",payload="json"}`) == 0
		})
	})
}
