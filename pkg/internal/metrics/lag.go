package metrics

import (
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// Lag is by how many records a group is behind in a partition.
type Lag struct {
	Group   proxy.GroupID
	Topic   string
	Records int64
}

// lag collects how far groups are behind in the partitions that this replica's members of them hold.
// It asks at each scrape, and keeps nothing: a partition that has moved to another replica is
// gone from the sum, and with the last one its series.
type lag struct {
	description *prometheus.Desc
	metrics     *Metrics
	held        atomic.Pointer[func(each func(Lag))]
}

// GroupLag says how to find the lag of each partition that is held here; held may be called at any
// time. Those of a group and topic are added up, and those beyond MaxLabelValues under OtherValue.
func (m *Metrics) GroupLag(held func(each func(Lag))) { m.lag.held.Store(&held) }

func (m *Metrics) registerLag() {
	m.lag = &lag{
		metrics: m,
		description: prometheus.NewDesc(namespace+"_group_lag",
			"Records that a group has not committed yet, in the partitions that connections of this replica hold.",
			[]string{"group", "topic"}, nil),
	}
	m.registry.MustRegister(m.lag)
}

// Describe implements prometheus.Collector.
func (l *lag) Describe(to chan<- *prometheus.Desc) { to <- l.description }

// Collect implements prometheus.Collector.
func (l *lag) Collect(to chan<- prometheus.Metric) {
	held := l.held.Load()
	if held == nil {
		return
	}
	type labels struct{ group, topic string }
	sums := make(map[labels]int64)
	(*held)(func(one Lag) {
		sums[labels{l.metrics.groups.value(string(one.Group)), l.metrics.topics.value(one.Topic)}] += one.Records
	})
	for of, sum := range sums {
		to <- prometheus.MustNewConstMetric(l.description, prometheus.GaugeValue, float64(sum), of.group, of.topic)
	}
}
