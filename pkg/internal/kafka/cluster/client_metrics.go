package cluster

import (
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/plugin/kprom"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/metrics"
)

// observed counts the activity of franz-go in one set of series for all clients of a kind: connections
// have their own clients, which come and go in any number.
type observed struct {
	in    prometheus.Registerer
	kinds map[metrics.ClientKind]events
}

// events are the hooks whose events are counted. kprom registers its metrics when it is notified of a
// client, and removes them when that client is closed, which does not work for several clients that
// share them: events does not forward these notifications. It does not forward those about fetched
// batches either, which may contain one record each: counting a batch costs about as much as delivering
// a record.
type events struct {
	eventHooks
	*produceMetrics
	all *kprom.Metrics // behind eventHooks
}

type eventHooks interface {
	kgo.HookBrokerConnect
	kgo.HookBrokerDisconnect
	kgo.HookBrokerE2E
	kgo.HookBrokerThrottle
}

// observe registers the series of all kinds. They have a label for the broker, but none for the topic:
// the number of series would grow with names that clients choose.
func observe(in prometheus.Registerer) *observed {
	o := &observed{in: in, kinds: make(map[metrics.ClientKind]events)}
	for _, kind := range metrics.ClientKinds() {
		m := kprom.NewMetrics("wsproxy",
			kprom.Subsystem("kafka"),
			kprom.Registerer(vectors{in}),
			kprom.WithStaticLabel(prometheus.Labels{"kind": string(kind)}),
			kprom.FetchAndProduceDetail(), // nothing
			kprom.NativeBucketFactor(1),   // no native histograms
			kprom.HistogramsFromOpts(
				kprom.HistogramOpts{Enable: kprom.RequestDurationE2E, Buckets: []float64{.001, .005, .025, .1, .5, 1, 5, 30}},
				kprom.HistogramOpts{Enable: kprom.RequestThrottled, Buckets: []float64{.01, .1, 1, 10}},
			),
		)
		m.OnNewClient(nil) // only the gauges, which are left out, use the client
		o.kinds[kind] = events{m, newProduceMetrics(in, kind), m}
	}
	return o
}

// of returns a hook that counts a client's events under its kind.
func (o *observed) of(kind metrics.ClientKind) kgo.Opt { return kgo.WithHooks(o.kinds[kind]) }

// end unregisters the series.
func (o *observed) end() {
	for _, of := range o.kinds {
		of.all.OnClientClosed(nil)
		of.end(o.in)
	}
}

// vectors registers metrics with labels. It leaves out kprom's gauges of buffered records, which show a single
// client, and its counters of what was produced.
type vectors struct{ prometheus.Registerer }

// MustRegister implements prometheus.Registerer.
func (v vectors) MustRegister(all ...prometheus.Collector) {
	for _, c := range all {
		if _, gauge := c.(prometheus.Metric); !gauge && !isOfProduce(c) {
			v.Registerer.MustRegister(c)
		}
	}
}

// isOfProduce tells whether a metric is one of those that produceMetrics stands in for.
func isOfProduce(c prometheus.Collector) bool {
	described := make(chan *prometheus.Desc, 1) // a vector has one
	c.Describe(described)
	return strings.Contains((<-described).String(), `"wsproxy_kafka_produce_`)
}
