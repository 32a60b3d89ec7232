package metrics

import (
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// Direction is the value of the label direction: the endpoint that a connection is on.
type Direction string

// The directions.
const (
	In    Direction = "in"
	Out   Direction = "out"
	Tail  Direction = "tail"
	Queue Direction = "queue"
)

// Payload is the value of the label payload: how a connection's messages are written.
type Payload string

// The payloads.
const (
	JSON Payload = "json"
	Avro Payload = "avro"
)

// Connection is one open connection in the metrics.
type Connection struct {
	metrics   *Metrics
	direction Direction
	open      prometheus.Gauge
	opened    time.Time
}

// ConnectionOpened counts a connection as open until its Closed is called.
func (m *Metrics) ConnectionOpened(direction Direction, payload Payload) *Connection {
	m.connectionsOpened.Inc()
	open := m.connections.WithLabelValues(string(direction), string(payload))
	open.Inc()
	return &Connection{metrics: m, direction: direction, open: open, opened: time.Now()}
}

// Closed counts the connection as closed with code, which is the code in the first close
// frame, or proxy.CloseAbnormal without one. Call it exactly once. Codes that a client has chosen freely
// share OtherValue.
func (c *Connection) Closed(code proxy.CloseCode) {
	c.open.Dec()
	c.metrics.connectionsClosed.WithLabelValues(string(c.direction), closeLabel(code)).Inc()
	c.metrics.connectionSeconds.Observe(time.Since(c.opened).Seconds())
}

// closeLabel returns the value of the label code. It is bounded: a client may close with any of the 2,000
// codes that are free for applications (RFC 6455, section 7.4.2).
func closeLabel(code proxy.CloseCode) string {
	const (
		lastRegistered    = 1015 // by IANA
		firstOwn, lastOwn = 4400, 4499
	)
	if code <= lastRegistered || firstOwn <= code && code <= lastOwn {
		return strconv.Itoa(int(code))
	}
	return OtherValue
}

// HandshakeRefused counts a handshake that was refused with kind.
func (m *Metrics) HandshakeRefused(direction Direction, kind proxy.Kind) {
	m.handshakesRefused.WithLabelValues(string(direction), kind.String()).Inc()
}

// Throttled returns the counter of seconds that connections of direction waited for their
// rate limit. Keep it for the connection's life.
func (m *Metrics) Throttled(direction Direction) *Counter {
	return counterOf(m.throttledSeconds, string(direction))
}

// GroupConnections returns the number of open connections of group. Its series appears with
// this call.
func (m *Metrics) GroupConnections(group proxy.GroupID) prometheus.Gauge {
	return m.groupConnections.WithLabelValues(m.groups.value(string(group)))
}

// ClientKind is the value of the label kind: what a Kafka client is for.
type ClientKind string

// The kinds of Kafka client.
const (
	ProducerClient ClientKind = "producer"
	ConsumerClient ClientKind = "consumer"
	TailClient     ClientKind = "tail"  // reads a topic without a group
	QueueClient    ClientKind = "queue" // a member of a share group
	AdminClient    ClientKind = "admin"
	StateClient    ClientKind = "state"    // for the state topics that replicas share
	IdentityClient ClientKind = "identity" // asks Kafka for the permissions of clients with their own credentials
)

// ClientKinds lists the kinds of Kafka client.
func ClientKinds() []ClientKind {
	return []ClientKind{ProducerClient, ConsumerClient, TailClient, QueueClient, AdminClient, StateClient, IdentityClient}
}

// KafkaClients returns the number of open Kafka clients of kind. Its series appears with this
// call.
func (m *Metrics) KafkaClients(kind ClientKind) prometheus.Gauge {
	return m.kafkaClients.WithLabelValues(string(kind))
}

// counterOf returns a lazily made series of vec.
func counterOf(vec *prometheus.CounterVec, labels ...string) *Counter {
	return &Counter{resolve: func() prometheus.Counter { return vec.WithLabelValues(labels...) }}
}
