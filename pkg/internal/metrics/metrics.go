// Package metrics holds the proxy's Prometheus metrics, each behind a typed method or field, and
// serves them. Every name has the prefix wsproxy_.
//
// A labelled series appears with its first event, the others are there from the start. The
// values of the labels that clients choose, topic and group, are bounded: see MaxLabelValues.
//
// Code that runs per message asks once for the handle of its topic or direction (Produced,
// Delivered, Throttled) and updates that: an update is an atomic operation or a few, without
// a lock or an allocation.
package metrics

import (
	"net/http"
	"runtime"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promauto"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

const namespace = "wsproxy"

// Build is the version of the program, for build_info.
type Build struct {
	Version string
	Commit  string
}

// Metrics are the metrics of one proxy, registered in one registry.
type Metrics struct {
	// InFlight is the number of messages that clients sent and that are not answered yet.
	InFlight prometheus.Gauge
	// TailEncodings counts records that were encoded for any number of tails.
	TailEncodings prometheus.Counter
	// TailCompressions counts how often a record was compressed for any number of tails.
	TailCompressions prometheus.Counter
	// BytesReceived counts the payload of messages, BytesSent whole frames, pings included. Both count what is
	// compressed as it is sent.
	BytesReceived, BytesSent prometheus.Counter
	// SlowClientCloses counts connections closed because their client took no bytes.
	SlowClientCloses prometheus.Counter
	// Queues counts what happens to the records of queues.
	Queues Queues

	registry *prometheus.Registry
	ready    prometheus.Gauge

	connections       *prometheus.GaugeVec
	connectionsOpened prometheus.Counter
	connectionsClosed *prometheus.CounterVec
	handshakesRefused *prometheus.CounterVec
	connectionSeconds prometheus.Histogram

	recordsProduced    *prometheus.CounterVec
	produceErrors      *prometheus.CounterVec
	produceSeconds     prometheus.Histogram
	recordsDelivered   *prometheus.CounterVec
	recordsUndecodable *prometheus.CounterVec
	deliverySeconds    prometheus.Histogram
	commits            *prometheus.CounterVec
	throttledSeconds   *prometheus.CounterVec

	kafkaClients     *prometheus.GaugeVec
	groupConnections *prometheus.GaugeVec
	lag, queueLag    *lag

	stateLag     *prometheus.GaugeVec
	stateSkipped *prometheus.CounterVec

	sessionClaims    *prometheus.GaugeVec
	sessionConflicts *prometheus.CounterVec

	reloadErrors  *prometheus.CounterVec
	authenticated *prometheus.CounterVec
	expiries      *expiries

	memoryBudget prometheus.Gauge

	topics, groups labelLimit
	produced       handles[Produced]
	delivered      handles[Delivered]
}

// New registers the proxy's metrics, and those of the Go runtime and the process, in reg. It
// panics if reg holds one of them already: a registry serves one proxy.
func New(reg *prometheus.Registry, build Build) *Metrics {
	reg.MustRegister(
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	)
	f := factory{promauto.With(reg)}
	m := &Metrics{registry: reg}
	m.registerProcess(f, build)
	m.registerConnections(f)
	m.registerRecords(f)
	m.registerQueues(f)
	m.registerState(f)
	m.registerSessions(f)
	m.registerReload(f)
	m.registerAuth(f)
	m.registerMemory(f)
	m.registerCertificates()
	m.registerLag()
	m.topics.forget, m.groups.forget = m.forgetTopic, m.forgetGroup
	return m
}

func (m *Metrics) registerProcess(f factory, build Build) {
	f.gaugeVec("build_info", "Which program runs; always 1.", "version", "commit", "go").
		WithLabelValues(build.Version, build.Commit, runtime.Version()).Set(1)
	m.ready = f.gauge("ready", "1 while the proxy is ready for connections, else 0.")
	m.kafkaClients = f.gaugeVec("kafka_clients", "Kafka clients that are open, by what they are for.", "kind")
}

func (m *Metrics) registerConnections(f factory) {
	m.connections = f.gaugeVec("connections", "Open WebSocket connections.", "direction", "payload")
	m.connectionsOpened = f.counter("connections_opened_total", "WebSocket connections opened.")
	m.connectionsClosed = f.counterVec("connections_closed_total",
		"WebSocket connections closed, by close code.", "direction", "code")
	m.handshakesRefused = f.counterVec("handshakes_refused_total",
		"Handshakes refused, by the code of the error.", "direction", "code")
	m.connectionSeconds = f.histogram("connection_seconds",
		"How long a closed WebSocket connection was open.", 1, 10, 60, 300, 1800, 3600, 21600, 86400)
	m.BytesReceived = f.counter("bytes_received_total", "Payload bytes of WebSocket messages received, of compressed ones as they came.")
	m.BytesSent = f.counter("bytes_sent_total", "Bytes of WebSocket frames sent.")
	m.SlowClientCloses = f.counter("slow_client_closes_total",
		"Connections closed because the client took no bytes for too long.")
	m.throttledSeconds = f.counterVec("throttled_seconds_total",
		"Time that connections waited for their rate limit.", "direction")
	m.groupConnections = f.gaugeVec("group_connections", "Open connections of a consumer group or a queue.", "group")
}

func (m *Metrics) registerRecords(f factory) {
	latency := []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30}
	m.recordsProduced = f.counterVec("records_produced_total", "Records that Kafka acknowledged.", "topic")
	m.produceErrors = f.counterVec("produce_errors_total",
		"Messages answered by an error, by its code.", "topic", "code")
	m.produceSeconds = f.histogram("produce_seconds",
		"From a frame read to its answer written.", latency...)
	m.InFlight = f.gauge("in_flight_messages", "Messages received and not answered yet.")
	m.recordsDelivered = f.counterVec("records_delivered_total", "Records written to clients.", "topic")
	m.recordsUndecodable = f.counterVec("records_undecodable_total",
		"Keys and values delivered as bytes because they did not fit the type asked for.", "topic")
	m.deliverySeconds = f.histogram("delivery_seconds",
		"From a record polled to its frame written to the socket.", latency...)
	m.commits = f.counterVec("commits_total", "Offset commits, by result.", "result")
	m.TailEncodings = f.counter("tail_encodings_total",
		"Records encoded for /socket/tail: once for all connections that read them in the same form.")
	m.TailCompressions = f.counter("tail_compressions_total",
		"Records compressed for /socket/tail: once for all connections in step that read them in the same form, and once for all others.")
}

// Handler answers GET /metrics with everything in the registry.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
}

// Registerer registers the collectors of other packages.
func (m *Metrics) Registerer() prometheus.Registerer { return m.registry }

// SetReady sets whether the proxy is ready.
func (m *Metrics) SetReady(ready bool) {
	if ready {
		m.ready.Set(1)
		return
	}
	m.ready.Set(0)
}
