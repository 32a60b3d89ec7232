package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// Queues are the metrics of /socket/queue, of all groups together. Its methods may be called under locks.
type Queues struct {
	held       prometheus.Gauge
	settled    *prometheus.CounterVec
	expired    prometheus.Counter
	deliveries prometheus.Histogram
	throttled  *Counter
	full       prometheus.Gauge
}

func (m *Metrics) registerQueues(f factory) {
	m.Queues = Queues{
		throttled: m.Throttled(Queue),
		full: f.gauge("queue_partitions_full",
			"Partitions of which queues get no further records until the oldest ones are settled: about as many are in flight as Kafka allows."),
		held: f.gauge("queue_held", "Records of queues that this replica holds, for its connections or to give them back."),
		settled: f.counterVec("queue_settled_total",
			"Acknowledgements of clients on records of queues, by outcome: the verb where Kafka took it, else the code of the error.", "outcome"),
		expired: f.counter("queue_expired_total", "Records of queues whose locks have ended while a client held them."),
		deliveries: f.histogram("queue_deliveries",
			"How often a record of a queue was handed out when a client gets it, this time included.", 1, 2, 3, 4, 5, 10),
	}
}

// Held changes the number of records that are held.
func (q *Queues) Held(change int) { q.held.Add(float64(change)) }

// Dealt counts a record that is handed out for the count-th time.
func (q *Queues) Dealt(count int) { q.deliveries.Observe(float64(count)) }

// Settled counts an acknowledgement by its result.
func (q *Queues) Settled(acknowledgement proxy.Acknowledgement, result proxy.SettleResult) {
	outcome := acknowledgement.String()
	if kind, failed := result.Kind(); failed {
		outcome = kind.String()
	}
	q.settled.WithLabelValues(outcome).Inc()
}

// Expired counts a record whose lock has ended while a client held it.
func (q *Queues) Expired() { q.expired.Inc() }

// Full changes the number of partitions of which nothing comes until the oldest records are settled.
func (q *Queues) Full(change int) { q.full.Add(float64(change)) }

// Throttled counts for how long a client was given no records, since its rate allowed none.
func (q *Queues) Throttled(waited time.Duration) { q.throttled.Add(waited.Seconds()) }
