package metrics_test

import (
	"net/http"
	"net/http/httptest"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/metrics"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

func newMetrics() *metrics.Metrics {
	return metrics.New(prometheus.NewRegistry(), metrics.Build{Version: "1.2.3", Commit: "abc"})
}

// scrape returns what /metrics serves.
func scrape(t *testing.T, m *metrics.Metrics) string {
	t.Helper()
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	if w.Code != http.StatusOK {
		t.Fatalf("got %d %s", w.Code, w.Body)
	}
	return w.Body.String()
}

// series returns the lines of the series whose text begins with prefix.
func series(text, prefix string) []string {
	return slices.DeleteFunc(strings.Split(text, "\n"), func(line string) bool {
		return !strings.HasPrefix(line, prefix)
	})
}

func wantSeries(t *testing.T, m *metrics.Metrics, line string) {
	t.Helper()
	name, _, _ := strings.Cut(line, " ")
	if got := series(scrape(t, m), name); len(got) != 1 || got[0] != line {
		t.Errorf("got %q, want %q", got, line)
	}
}

func TestFromTheStart(t *testing.T) {
	text := scrape(t, newMetrics())
	var got []string
	for _, line := range series(text, "wsproxy_") {
		if !strings.Contains(line, "_bucket{") {
			got = append(got, line)
		}
	}
	want := []string{
		`wsproxy_build_info{commit="abc",go="` + runtime.Version() + `",version="1.2.3"} 1`,
		"wsproxy_bytes_received_total 0",
		"wsproxy_bytes_sent_total 0",
		"wsproxy_connection_seconds_sum 0",
		"wsproxy_connection_seconds_count 0",
		"wsproxy_connections_opened_total 0",
		"wsproxy_delivery_seconds_sum 0",
		"wsproxy_delivery_seconds_count 0",
		"wsproxy_in_flight_messages 0",
		"wsproxy_memory_budget_bytes 0",
		"wsproxy_produce_seconds_sum 0",
		"wsproxy_produce_seconds_count 0",
		"wsproxy_queue_deliveries_sum 0",
		"wsproxy_queue_deliveries_count 0",
		"wsproxy_queue_expired_total 0",
		"wsproxy_queue_held 0",
		"wsproxy_queue_partitions_full 0",
		"wsproxy_ready 0",
		"wsproxy_slow_client_closes_total 0",
		"wsproxy_tail_compressions_total 0",
		"wsproxy_tail_encodings_total 0",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	for _, of := range []string{"go_goroutines ", "process_open_fds "} {
		if len(series(text, of)) != 1 {
			t.Errorf("%sis missing", of)
		}
	}
}

func TestLabelledSeriesAppearWithTheirFirstEvent(t *testing.T) {
	for _, tc := range []struct {
		want  string
		event func(m *metrics.Metrics) func() // asks for the handle, and returns the event
	}{
		{`wsproxy_connections{direction="in",payload="json"} 1`, func(m *metrics.Metrics) func() {
			return func() { m.ConnectionOpened(metrics.In, metrics.JSON) }
		}},
		{`wsproxy_connections_closed_total{code="1000",direction="out"} 1`, func(m *metrics.Metrics) func() {
			c := m.ConnectionOpened(metrics.Out, metrics.Avro)
			return func() { c.Closed(proxy.CloseNormal) }
		}},
		{`wsproxy_handshakes_refused_total{code="TOPIC_NOT_FOUND",direction="tail"} 1`, func(m *metrics.Metrics) func() {
			return func() { m.HandshakeRefused(metrics.Tail, proxy.KindTopicNotFound) }
		}},
		{`wsproxy_records_produced_total{topic="t"} 3`, func(m *metrics.Metrics) func() {
			p := m.Produced("t")
			return func() { p.Records.Add(2); p.Records.Inc() }
		}},
		{`wsproxy_produce_errors_total{code="INVALID_JSON",topic="t"} 2`, func(m *metrics.Metrics) func() {
			p := m.Produced("t")
			return func() { p.Error(proxy.KindInvalidJSON); p.Error(proxy.KindInvalidJSON) }
		}},
		{`wsproxy_produce_errors_total{code="INTERNAL",topic="t"} 1`, func(m *metrics.Metrics) func() {
			p := m.Produced("t")
			return func() { p.Error(proxy.Kind(255)) }
		}},
		{`wsproxy_records_delivered_total{topic="t"} 500`, func(m *metrics.Metrics) func() {
			d := m.Delivered("t")
			return func() { d.Records.Add(500) }
		}},
		{`wsproxy_records_undecodable_total{topic="t"} 1`, func(m *metrics.Metrics) func() {
			d := m.Delivered("t")
			return func() { d.Undecodable.Inc() }
		}},
		{`wsproxy_commits_total{result="ok"} 1`, func(m *metrics.Metrics) func() {
			return func() { m.Committed(metrics.CommitOK) }
		}},
		{`wsproxy_throttled_seconds_total{direction="in"} 0.25`, func(m *metrics.Metrics) func() {
			c := m.Throttled(metrics.In)
			return func() { c.Add((250 * time.Millisecond).Seconds()) }
		}},
		{`wsproxy_queue_settled_total{outcome="reject"} 1`, func(m *metrics.Metrics) func() {
			return func() { m.Queues.Settled(proxy.Reject, proxy.SettleDone) }
		}},
		{`wsproxy_queue_settled_total{outcome="renew"} 1`, func(m *metrics.Metrics) func() {
			return func() { m.Queues.Settled(proxy.Renew, proxy.SettleRenewed) }
		}},
		{`wsproxy_queue_settled_total{outcome="LOCK_EXPIRED"} 1`, func(m *metrics.Metrics) func() {
			return func() { m.Queues.Settled(proxy.Accept, proxy.SettleExpired) }
		}},
		{`wsproxy_group_connections{group="g"} 1`, func(m *metrics.Metrics) func() {
			return func() { m.GroupConnections("g").Inc() }
		}},
		{`wsproxy_kafka_clients{kind="producer"} 1`, func(m *metrics.Metrics) func() {
			return func() { m.KafkaClients(metrics.ProducerClient).Inc() }
		}},
	} {
		t.Run(tc.want, func(t *testing.T) {
			m := newMetrics()
			event := tc.event(m)
			name, _, _ := strings.Cut(tc.want, " ")
			if got := series(scrape(t, m), name); len(got) > 0 {
				t.Errorf("before the event there is %q", got)
			}
			event()
			wantSeries(t, m, tc.want)
		})
	}
}

func TestRecordsOfQueuesAreCounted(t *testing.T) {
	m := newMetrics()
	m.Queues.Held(5)
	m.Queues.Held(-2)
	m.Queues.Dealt(1)
	m.Queues.Dealt(3)
	m.Queues.Expired()
	wantSeries(t, m, "wsproxy_queue_held 3")
	wantSeries(t, m, "wsproxy_queue_deliveries_sum 4")
	wantSeries(t, m, `wsproxy_queue_deliveries_bucket{le="1"} 1`)
	wantSeries(t, m, "wsproxy_queue_expired_total 1")
}

func TestNothingIsNoEvent(t *testing.T) {
	m := newMetrics()
	m.Delivered("t").Records.Add(0)
	if got := series(scrape(t, m), "wsproxy_records_delivered_total"); len(got) > 0 {
		t.Errorf("there is %q", got)
	}
}

func TestConnectionFromOpenedToClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMetrics()
		first, second := m.ConnectionOpened(metrics.In, metrics.JSON), m.ConnectionOpened(metrics.In, metrics.JSON)
		time.Sleep(90 * time.Second)
		first.Closed(proxy.CloseReplaced)
		wantSeries(t, m, `wsproxy_connections{direction="in",payload="json"} 1`)
		wantSeries(t, m, `wsproxy_connections_opened_total 2`)
		wantSeries(t, m, `wsproxy_connections_closed_total{code="4409",direction="in"} 1`)
		wantSeries(t, m, `wsproxy_connection_seconds_sum 90`)
		second.Closed(proxy.CloseReplaced)
		wantSeries(t, m, `wsproxy_connections{direction="in",payload="json"} 0`)
		wantSeries(t, m, `wsproxy_connection_seconds_count 2`)
	})
}

func TestQueueLag(t *testing.T) {
	m := newMetrics()
	m.GroupLag(func(each func(metrics.Lag)) { each(metrics.Lag{Group: "g", Topic: "t", Records: 1}) })
	m.QueueLag(func(each func(metrics.Lag)) { each(metrics.Lag{Group: "q", Topic: "t", Records: 5}) })
	wantSeries(t, m, `wsproxy_group_lag{group="g",topic="t"} 1`)
	wantSeries(t, m, `wsproxy_queue_lag{group="q",topic="t"} 5`)
}

func TestGroupLagIsOfTheMomentOfTheScrape(t *testing.T) {
	m := newMetrics()
	var held []metrics.Lag
	m.GroupLag(func(each func(metrics.Lag)) {
		for _, one := range held {
			each(one)
		}
	})
	held = []metrics.Lag{{Group: "g", Topic: "t", Records: 3}, {Group: "g", Topic: "t", Records: 4}, {Group: "g", Topic: "u"}}
	wantSeries(t, m, `wsproxy_group_lag{group="g",topic="t"} 7`)
	wantSeries(t, m, `wsproxy_group_lag{group="g",topic="u"} 0`)
	held = held[1:2]
	wantSeries(t, m, `wsproxy_group_lag{group="g",topic="t"} 4`)
	if got := series(scrape(t, m), `wsproxy_group_lag{group="g",topic="u"}`); len(got) > 0 {
		t.Errorf("nothing is held, and there is %q", got)
	}
}

func TestReady(t *testing.T) {
	m := newMetrics()
	m.SetReady(true)
	wantSeries(t, m, "wsproxy_ready 1")
	m.SetReady(false)
	wantSeries(t, m, "wsproxy_ready 0")
}

func TestRegistererTakesForeignCollectors(t *testing.T) {
	m := newMetrics()
	foreign := prometheus.NewCounter(prometheus.CounterOpts{Name: "foreign_total", Help: "Of another package."})
	m.Registerer().MustRegister(foreign)
	wantSeries(t, m, "foreign_total 0")
}

// TestProxiesShareNothing holds as long as nothing is registered globally.
func TestProxiesShareNothing(t *testing.T) {
	one, two := newMetrics(), newMetrics()
	one.Produced("t").Records.Inc()
	if got := series(scrape(t, two), "wsproxy_records_produced_total"); len(got) > 0 {
		t.Errorf("the other proxy shows %q", got)
	}
}

func TestNamesAndHelpFollowPrometheusRules(t *testing.T) {
	reg := prometheus.NewRegistry()
	m := metrics.New(reg, metrics.Build{})
	m.ConnectionOpened(metrics.In, metrics.JSON).Closed(proxy.CloseNormal)
	m.HandshakeRefused(metrics.In, proxy.KindInternal)
	m.Produced("t").Records.Inc()
	m.Produced("t").Error(proxy.KindInternal)
	m.Delivered("t").Records.Inc()
	m.Delivered("t").Undecodable.Inc()
	m.Committed(metrics.CommitFailed)
	m.Throttled(metrics.In).Inc()
	m.GroupConnections("g").Inc()
	m.KafkaClients(metrics.AdminClient).Inc()
	m.GroupLag(func(each func(metrics.Lag)) { each(metrics.Lag{Group: "g", Topic: "t", Records: 1}) })
	m.QueueLag(func(each func(metrics.Lag)) { each(metrics.Lag{Group: "g", Topic: "t", Records: 1}) })
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	problems, err := promlint.NewWithMetricFamilies(families).Lint()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
	ours := regexp.MustCompile(`^(wsproxy|go|process)_`)
	for _, f := range families {
		if !ours.MatchString(f.GetName()) {
			t.Errorf("%s has no prefix of ours", f.GetName())
		}
	}
}

func TestMemory(t *testing.T) {
	m := newMetrics()
	held := int64(7)
	m.MemoryBudget(100)
	m.MemoryHeld("producing", func() int64 { return held })
	m.MemoryHeld("consuming", func() int64 { return 3 })
	held = 8
	want := []string{
		"wsproxy_memory_budget_bytes 100",
		`wsproxy_memory_held_bytes{kind="consuming"} 3`, `wsproxy_memory_held_bytes{kind="producing"} 8`,
	}
	if got := series(scrape(t, m), "wsproxy_memory"); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
