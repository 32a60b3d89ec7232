package metrics

import (
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// Lag is the number of records by which a group is behind in a partition, or the group of a queue in a topic.
type Lag struct {
	Group   proxy.GroupID
	Topic   string
	Records int64
}

// lag collects lags of groups. It asks for them at each scrape, and keeps nothing: what has moved to another replica
// is no longer told, and the series disappears with the last of it.
type lag struct {
	description *prometheus.Desc
	metrics     *Metrics
	known       atomic.Pointer[func(each func(Lag))]
}

// GroupLag sets the function that yields the lag of each partition that is held here; held may be called
// at any time. The lags of a group and topic are added up, those beyond MaxLabelValues under OtherValue.
func (m *Metrics) GroupLag(held func(each func(Lag))) { m.lag.known.Store(&held) }

// QueueLag sets the function that yields the lag of each group of a queue that has workers here, in all partitions of a
// topic; known may be called at any time. Every replica with workers of a group yields the same: it is the greatest of them that
// counts, and never their sum. Those beyond MaxLabelValues are added up under OtherValue.
func (m *Metrics) QueueLag(known func(each func(Lag))) { m.queueLag.known.Store(&known) }

func (m *Metrics) registerLag() {
	m.lag = m.newLag("group_lag", "Records that a group has not committed yet, in the partitions that connections of this replica hold.")
	m.queueLag = m.newLag("queue_lag",
		"Records that the group of a queue has not settled yet, in the whole topic. Every replica with connections of the group tells the same.")
}

func (m *Metrics) newLag(name, help string) *lag {
	l := &lag{metrics: m, description: prometheus.NewDesc(namespace+"_"+name, help, []string{"group", "topic"}, nil)}
	m.registry.MustRegister(l)
	return l
}

// Describe implements prometheus.Collector.
func (l *lag) Describe(to chan<- *prometheus.Desc) { to <- l.description }

// Collect implements prometheus.Collector.
func (l *lag) Collect(to chan<- prometheus.Metric) {
	known := l.known.Load()
	if known == nil {
		return
	}
	type labels struct{ group, topic string }
	sums := make(map[labels]int64)
	(*known)(func(one Lag) {
		sums[labels{l.metrics.groups.value(string(one.Group)), l.metrics.topics.value(one.Topic)}] += one.Records
	})
	for of, sum := range sums {
		to <- prometheus.MustNewConstMetric(l.description, prometheus.GaugeValue, float64(sum), of.group, of.topic)
	}
}
