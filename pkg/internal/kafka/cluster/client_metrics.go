package cluster

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/plugin/kprom"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/metrics"
)

// observed counts the activity of franz-go in one set of series for all clients of a kind: connections
// have their own clients, which come and go in any number.
type observed struct {
	kinds map[metrics.ClientKind]*kprom.Metrics
}

// events are the hooks whose events are counted. kprom registers its metrics when it is notified of a
// client, and removes them when that client is closed, which does not work for several clients that
// share them: events does not forward these notifications. It does not forward those about fetched
// batches either, which may contain one record each: counting a batch costs about as much as delivering
// a record.
type events struct{ eventHooks }

type eventHooks interface {
	kgo.HookBrokerConnect
	kgo.HookBrokerDisconnect
	kgo.HookBrokerE2E
	kgo.HookBrokerThrottle
	kgo.HookProduceBatchWritten
}

// observe registers the series of all kinds. They have a label for the broker, but none for the topic:
// the number of series would grow with names that clients choose.
func observe(in prometheus.Registerer) *observed {
	o := &observed{kinds: make(map[metrics.ClientKind]*kprom.Metrics)}
	for _, kind := range metrics.ClientKinds() {
		o.kinds[kind] = kprom.NewMetrics("wsproxy",
			kprom.Subsystem("kafka"),
			kprom.Registerer(vectors{in}),
			kprom.WithStaticLabel(prometheus.Labels{"kind": string(kind)}),
			kprom.FetchAndProduceDetail(kprom.ByNode, kprom.Batches, kprom.UncompressedBytes),
			kprom.NativeBucketFactor(1), // no native histograms
			kprom.HistogramsFromOpts(
				kprom.HistogramOpts{Enable: kprom.RequestDurationE2E, Buckets: []float64{.001, .005, .025, .1, .5, 1, 5, 30}},
				kprom.HistogramOpts{Enable: kprom.RequestThrottled, Buckets: []float64{.01, .1, 1, 10}},
			),
		)
		o.kinds[kind].OnNewClient(nil) // only the gauges, which are left out, use the client
	}
	return o
}

// of returns a hook that counts a client's events under its kind.
func (o *observed) of(kind metrics.ClientKind) kgo.Opt { return kgo.WithHooks(events{o.kinds[kind]}) }

// end unregisters the series.
func (o *observed) end() {
	for _, m := range o.kinds {
		m.OnClientClosed(nil)
	}
}

// vectors registers metrics with labels, and leaves out kprom's gauges of buffered records, which show a
// single client.
type vectors struct{ prometheus.Registerer }

// MustRegister implements prometheus.Registerer.
func (v vectors) MustRegister(all ...prometheus.Collector) {
	for _, c := range all {
		if _, gauge := c.(prometheus.Metric); !gauge {
			v.Registerer.MustRegister(c)
		}
	}
}
