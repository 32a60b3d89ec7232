package metrics_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/metrics"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// labelValues returns the values of label in the series of the metric, and the sum of those
// series.
func labelValues(t *testing.T, text, metric, label string) (values []string, sum float64) {
	t.Helper()
	for _, line := range series(text, metric+"{") {
		_, after, ok := strings.Cut(line, label+`="`)
		value, rest, closed := strings.Cut(after, `"`)
		n, err := strconv.ParseFloat(line[strings.LastIndexByte(line, ' ')+1:], 64)
		if !ok || !closed || rest == "" || err != nil {
			t.Fatalf("line %q: %v", line, err)
		}
		values = append(values, value)
		sum += n
	}
	slices.Sort(values)
	return slices.Compact(values), sum
}

// TestLabelsThatClientsChooseAreBounded uses 600 topics and groups from several goroutines, each in a
// different order.
func TestLabelsThatClientsChooseAreBounded(t *testing.T) {
	const names, goroutines = 600, 8
	m := newMetrics()
	var users sync.WaitGroup
	for g := range goroutines {
		users.Go(func() {
			order := rand.New(rand.NewPCG(uint64(g), 0)).Perm(names)
			for _, i := range order {
				topic := fmt.Sprintf("topic-%d", i)
				m.Produced(topic).Records.Inc()
				m.Produced(topic).Error(proxy.KindTimeout)
				m.Delivered(topic).Records.Inc()
				m.Delivered(topic).Undecodable.Inc()
				m.GroupConnections(proxy.GroupID(fmt.Sprintf("group-%d", i))).Inc()
			}
		})
	}
	users.Wait()

	lags := func(each func(metrics.Lag)) {
		for i := range names * goroutines {
			each(metrics.Lag{Group: proxy.GroupID(fmt.Sprintf("group-%d", i%names)), Topic: fmt.Sprintf("topic-%d", i%names), Records: 1})
		}
	}
	m.GroupLag(lags)
	m.QueueLag(lags)

	text := scrape(t, m)
	var first []string
	for _, tc := range []struct{ metric, label string }{
		{"wsproxy_records_produced_total", "topic"},
		{"wsproxy_produce_errors_total", "topic"},
		{"wsproxy_records_delivered_total", "topic"},
		{"wsproxy_records_undecodable_total", "topic"},
		{"wsproxy_group_connections", "group"},
		{"wsproxy_group_lag", "group"},
		{"wsproxy_queue_lag", "group"},
	} {
		values, sum := labelValues(t, text, tc.metric, tc.label)
		if len(values) != metrics.MaxLabelValues+1 || !slices.Contains(values, metrics.OtherValue) {
			t.Errorf("%s has %d values of %s, want %d and %q",
				tc.metric, len(values), tc.label, metrics.MaxLabelValues, metrics.OtherValue)
		}
		if sum != names*goroutines {
			t.Errorf("%s counts %v events, want %d", tc.metric, sum, names*goroutines)
		}
		if first == nil {
			first = values
		}
		if tc.label == "topic" && !slices.Equal(values, first) {
			t.Errorf("%s has other topics than the metrics before it", tc.metric)
		}
	}
}

// TestLabelValuesAreGivenBack has more connections one after another than there are values, then a group
// that stays.
func TestLabelValuesAreGivenBack(t *testing.T) {
	m := newMetrics()
	connect := func(topic string, group proxy.GroupID) (leave func()) {
		release := m.Hold(topic, group)
		m.Produced(topic).Records.Inc()
		m.Produced(topic).Error(proxy.KindTimeout)
		m.Delivered(topic).Records.Inc()
		connections := m.GroupConnections(group)
		connections.Inc()
		return func() {
			connections.Dec()
			release()
		}
	}
	stays := connect("stays", "stays")
	defer stays()
	for i := range 3 * metrics.MaxLabelValues {
		connect(fmt.Sprintf("topic-%d", i), proxy.GroupID(fmt.Sprintf("group-%d", i)))()
	}
	defer connect("late", "late")()
	text := scrape(t, m)
	for metric, label := range map[string]string{
		"wsproxy_records_produced_total": "topic", "wsproxy_produce_errors_total": "topic",
		"wsproxy_records_delivered_total": "topic", "wsproxy_group_connections": "group",
	} {
		values, _ := labelValues(t, text, metric, label)
		if len(values) > metrics.MaxLabelValues || slices.Contains(values, metrics.OtherValue) ||
			!slices.Contains(values, "stays") || !slices.Contains(values, "late") {
			t.Errorf("%s has %d values of %s", metric, len(values), label)
		}
	}
}

// TestHeldLabelValuesStay has as many connections as there are values, and one more.
func TestHeldLabelValuesStay(t *testing.T) {
	m := newMetrics()
	for i := range metrics.MaxLabelValues {
		m.Hold("t", proxy.GroupID(fmt.Sprintf("group-%d", i)))
	}
	late := m.Hold("t", "late")
	m.GroupConnections("late").Inc()
	m.GroupConnections("group-0").Inc()
	wantSeries(t, m, `wsproxy_group_connections{group="other"} 1`)
	wantSeries(t, m, `wsproxy_group_connections{group="group-0"} 1`)
	late()
}

// TestCloseCodesAreBounded closes with each code that a client can send.
func TestCloseCodesAreBounded(t *testing.T) {
	m := newMetrics()
	for code := proxy.CloseNormal; code < 5000; code++ {
		m.ConnectionOpened(metrics.In, metrics.JSON).Closed(code)
	}
	values, sum := labelValues(t, scrape(t, m), "wsproxy_connections_closed_total", "code")
	if len(values) > 150 || sum != 4000 {
		t.Errorf("%d values count %v closes, want few and 4000", len(values), sum)
	}
	for _, want := range []string{"1000", "1006", "1012", "4400", "4429", metrics.OtherValue} {
		if !slices.Contains(values, want) {
			t.Errorf("%s is not told apart", want)
		}
	}
}

func TestLabelValuesAreUTF8(t *testing.T) {
	m := newMetrics()
	m.GroupConnections("a\xffb").Inc()
	wantSeries(t, m, "wsproxy_group_connections{group=\"a\uFFFDb\"} 1")
}

func TestConnectionsOfATopicShareItsHandles(t *testing.T) {
	m := newMetrics()
	produced, delivered := m.Produced("t"), m.Delivered("t")
	if m.Produced("t") != produced || m.Delivered("t") != delivered {
		t.Error("each call made a handle of its own")
	}
}

func TestUpdatesDoNotAllocate(t *testing.T) {
	m := newMetrics()
	produced, delivered, throttled := m.Produced("t"), m.Delivered("t"), m.Throttled(metrics.In)
	for _, tc := range []struct {
		name   string
		update func()
	}{
		{"produced", func() { produced.Records.Inc() }},
		{"produce error", func() { produced.Error(proxy.KindInvalidJSON) }},
		{"produce seconds", func() { produced.Seconds.Observe(0.003) }},
		{"delivered", func() { delivered.Records.Add(3) }},
		{"throttled", func() { throttled.Add(0.5) }},
		{"in flight", func() { m.InFlight.Add(2) }},
		{"bytes", func() { m.BytesReceived.Add(200) }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if allocs := testing.AllocsPerRun(1000, tc.update); allocs != 0 {
				t.Errorf("%v allocations an update", allocs)
			}
		})
	}
}
