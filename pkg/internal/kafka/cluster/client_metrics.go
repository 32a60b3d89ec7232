package cluster

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/plugin/kprom"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/metrics"
)

// observed has what franz-go does counted, in one set of series for all clients of a kind:
// connections have clients of their own, which come and go in any number.
type observed struct {
	kinds map[metrics.ClientKind]*kprom.Metrics
}

// events are what is counted. kprom registers its metrics when it is told of a client, and takes
// them away when that is closed, which several clients cannot share: they do not tell. Nor do they
// of batches that were fetched, which may hold one record each: counting a batch costs about what
// delivering a record does.
type events struct{ eventHooks }

type eventHooks interface {
	kgo.HookBrokerConnect
	kgo.HookBrokerDisconnect
	kgo.HookBrokerE2E
	kgo.HookBrokerThrottle
	kgo.HookProduceBatchWritten
}

// observe registers the series of all kinds. Brokers are told apart, and topics are not: what
// clients choose would multiply with them.
func observe(in prometheus.Registerer) *observed {
	o := &observed{kinds: make(map[metrics.ClientKind]*kprom.Metrics)}
	for _, kind := range metrics.ClientKinds() {
		o.kinds[kind] = kprom.NewMetrics("wsproxy",
			kprom.Subsystem("kafka"),
			kprom.Registerer(vectors{in}),
			kprom.WithStaticLabel(prometheus.Labels{"kind": string(kind)}),
			kprom.FetchAndProduceDetail(kprom.ByNode, kprom.Batches, kprom.UncompressedBytes),
			kprom.NativeBucketFactor(1), // none
			kprom.HistogramsFromOpts(
				kprom.HistogramOpts{Enable: kprom.RequestDurationE2E, Buckets: []float64{.001, .005, .025, .1, .5, 1, 5, 30}},
				kprom.HistogramOpts{Enable: kprom.RequestThrottled, Buckets: []float64{.01, .1, 1, 10}},
			),
		)
		o.kinds[kind].OnNewClient(nil) // only the gauges, which are left out, ask a client
	}
	return o
}

// of has a client's events counted as those of a kind.
func (o *observed) of(kind metrics.ClientKind) kgo.Opt { return kgo.WithHooks(events{o.kinds[kind]}) }

// end takes the series away.
func (o *observed) end() {
	for _, m := range o.kinds {
		m.OnClientClosed(nil)
	}
}

// vectors registers what has labels, and leaves out kprom's gauges of what is buffered, which
// show a single client.
type vectors struct{ prometheus.Registerer }

// MustRegister implements prometheus.Registerer.
func (v vectors) MustRegister(all ...prometheus.Collector) {
	for _, c := range all {
		if _, gauge := c.(prometheus.Metric); !gauge {
			v.Registerer.MustRegister(c)
		}
	}
}
