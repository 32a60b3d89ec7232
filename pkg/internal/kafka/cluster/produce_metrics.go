package cluster

import (
	"sync"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/metrics"
)

// produceMetrics counts the batches that clients of a kind have written to each broker, under kprom's names.
// kprom makes a map of labels for each batch and looks its series up twice, which for a batch of a few records
// costs as much as one of them.
type produceMetrics struct {
	bytes, batches *prometheus.CounterVec
	brokers        sync.Map // of *written, by the id of the broker
}

// written is what was written to one broker.
type written struct{ bytes, batches prometheus.Counter }

func newProduceMetrics(in prometheus.Registerer, kind metrics.ClientKind) *produceMetrics {
	counter := func(name, help string) *prometheus.CounterVec {
		c := prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: "wsproxy", Subsystem: "kafka", Name: name, Help: help,
			ConstLabels: prometheus.Labels{"kind": string(kind)},
		}, []string{"node_id"})
		in.MustRegister(c)
		return c
	}
	return &produceMetrics{
		bytes:   counter("produce_bytes_total", "Total number of uncompressed bytes produced"),
		batches: counter("produce_batches_total", "Total number of batches produced"),
	}
}

// OnProduceBatchWritten implements kgo.HookProduceBatchWritten.
func (m *produceMetrics) OnProduceBatchWritten(broker kgo.BrokerMetadata, _ string, _ int32, batch kgo.ProduceBatchMetrics) {
	to := m.to(broker.NodeID)
	to.bytes.Add(float64(batch.UncompressedBytes))
	to.batches.Inc()
}

func (m *produceMetrics) to(broker int32) *written {
	known, ok := m.brokers.Load(broker)
	if !ok {
		id := kgo.NodeName(broker)
		known, _ = m.brokers.LoadOrStore(broker, &written{m.bytes.WithLabelValues(id), m.batches.WithLabelValues(id)})
	}
	w, _ := known.(*written) // nothing else is in it
	return w
}

func (m *produceMetrics) end(in prometheus.Registerer) {
	in.Unregister(m.bytes)
	in.Unregister(m.batches)
}
