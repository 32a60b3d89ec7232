package metrics

import (
	"math"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// Produced holds the counters of the messages that clients send to one topic. All
// connections that produce to the topic share it.
type Produced struct {
	// Records counts records that Kafka acknowledged.
	Records *Counter
	// Seconds observes the seconds from a frame read to its answer written.
	Seconds prometheus.Observer

	topic  string
	vec    *prometheus.CounterVec
	errors [math.MaxUint8 + 1]atomic.Pointer[prometheus.Counter] // by proxy.Kind; nil before the first
}

// Produced returns the counters of topic. Keep them for the connection's life.
func (m *Metrics) Produced(topic string) *Produced {
	return m.produced.get(m.topics.value(topic), func(topic string) *Produced {
		return &Produced{
			Records: counterOf(m.recordsProduced, topic),
			Seconds: m.produceSeconds,
			topic:   topic,
			vec:     m.produceErrors,
		}
	})
}

// Error counts a message that was answered by an error of kind.
func (p *Produced) Error(kind proxy.Kind) {
	series := p.errors[kind].Load()
	if series == nil {
		resolved := p.vec.WithLabelValues(p.topic, kind.String())
		series = &resolved
		p.errors[kind].Store(series)
	}
	(*series).Inc()
}

// Delivered holds the counters of the records of one topic that clients read. All
// connections that read the topic share it.
type Delivered struct {
	// Records counts records written to clients.
	Records *Counter
	// Undecodable counts keys and values that were delivered as bytes because they did not
	// fit the type asked for.
	Undecodable *Counter
	// Seconds observes the seconds from a record polled to its frame written.
	Seconds prometheus.Observer
}

// Delivered returns the counters of topic. Keep them for the connection's life.
func (m *Metrics) Delivered(topic string) *Delivered {
	return m.delivered.get(m.topics.value(topic), func(topic string) *Delivered {
		return &Delivered{
			Records:     counterOf(m.recordsDelivered, topic),
			Undecodable: counterOf(m.recordsUndecodable, topic),
			Seconds:     m.deliverySeconds,
		}
	})
}

// CommitResult is the value of the label result of an offset commit.
type CommitResult string

// The results of a commit.
const (
	CommitOK     CommitResult = "ok"
	CommitFailed CommitResult = "failed"
)

// Committed counts one offset commit.
func (m *Metrics) Committed(result CommitResult) {
	m.commits.WithLabelValues(string(result)).Inc()
}
