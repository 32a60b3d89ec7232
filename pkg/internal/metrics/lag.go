package metrics

import (
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// Lag is the number of records by which a group is behind in a partition.
type Lag struct {
	Group   proxy.GroupID
	Topic   string
	Records int64
}

// lag collects the lag of groups in the partitions that their members on this replica hold. It asks
// for the lag at each scrape, and keeps nothing: a partition that has moved to another replica is no
// longer part of the sum, and the series disappears with the last partition.
type lag struct {
	description *prometheus.Desc
	metrics     *Metrics
	held        atomic.Pointer[func(each func(Lag))]
}

// GroupLag sets the function that yields the lag of each partition that is held here; held may be called
// at any time. The lags of a group and topic are added up, those beyond MaxLabelValues under OtherValue.
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
