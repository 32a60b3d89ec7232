package server

import (
	"net/http"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/codec"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/limit"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/metrics"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/socket"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// socketIn serves /socket/in: produce.
func (s *Server) socketIn(w http.ResponseWriter, r *http.Request) {
	s.handshake(w, r, metrics.In, s.parseIn)
}

// socketOut serves /socket/out: consume.
func (s *Server) socketOut(w http.ResponseWriter, r *http.Request) {
	s.handshake(w, r, metrics.Out, s.parseOut)
}

// parseIn reads the parameters of /socket/in.
func (s *Server) parseIn(q *query) flow {
	client := q.identifier("clientId", q.required("clientId"))
	instance := q.identifier("instanceId", q.text("instanceId"))
	settings := codec.InSettings{
		Topic: q.topic(), KeyFormat: q.format("keyType"), ValueFormat: valueFormat(q),
		MaxDepth: s.Config.Sockets.MaxJSONDepth,
	}
	payload(q)
	if q.boolean("transactional", false) {
		q.fault("transactional", "is not available: it needs WSPROXY_PRODUCER_EXACTLY_ONCE_ENABLED.")
	}
	producers := s.Config.Producers
	return flow{
		direction: metrics.In, topic: settings.Topic,
		log: []any{"clientId", client, "instanceId", instance, "topic", settings.Topic},
		serve: func(c *socket.Conn, topic *kafka.Topic) {
			socket.ServeIn(c, socket.InOptions{
				Topic: topic.Name, Codec: codec.NewJSONIn(settings),
				Producer:        s.Producers.Open(proxy.ClientID(client), topic),
				Rate:            limit.NewRate(producers.RateLimitDefaultMessagesPerSec),
				MaxInFlight:     producers.MaxInFlight,
				DeliveryTimeout: s.Config.Kafka.ProducerDeliveryTimeout,
			})
		},
	}
}

// parseOut reads the parameters of /socket/out.
func (s *Server) parseOut(q *query) flow {
	client := q.identifier("clientId", q.required("clientId"))
	group := q.identifier("groupId", q.text("groupId"))
	if group == "" {
		group = client + "-group"
	}
	settings := codec.OutSettings{
		Topic: q.topic(), KeyFormat: q.format("keyType"), ValueFormat: valueFormat(q),
		MaxDepth: s.Config.Sockets.MaxJSONDepth,
	}
	payload(q)
	consumers := s.Config.Consumers
	reset := kafka.OffsetReset(q.choice("offsetResetStrategy", string(kafka.ResetEarliest), string(kafka.ResetLatest), string(kafka.ResetNone)))
	readCommitted := q.choice("isolationLevel", "read_uncommitted", "read_committed") == "read_committed"
	options := socket.OutOptions{
		Topic: settings.Topic, Codec: codec.NewJSONOut(settings),
		AutoCommit:     q.boolean("autoCommit", true),
		CommitStart:    reset == kafka.ResetLatest,
		CommitInterval: consumers.CommitInterval,
		BatchSize:      lower(q.positive("batchSize"), consumers.DefaultBatchSize),
		PerSecond:      lower(q.positive("rate"), consumers.RateLimitDefaultMessagesPerSec),
		Log:            s.Log.With("clientId", client, "groupId", group, "topic", settings.Topic),
	}
	options.Open = func(owner proxy.Owner) (socket.Consumer, error) {
		return s.Cluster.Consume(kafka.ConsumerOptions{
			ClientID: proxy.ClientID(client), GroupID: proxy.GroupID(group), Topic: settings.Topic,
			Reset: reset, ReadCommitted: readCommitted, SessionTimeout: consumers.SessionTimeout, Owner: owner,
		})
	}
	return flow{
		direction: metrics.Out, topic: settings.Topic, group: proxy.GroupID(group),
		log: []any{"clientId", client, "groupId", group, "topic", settings.Topic},
		serve: func(c *socket.Conn, _ *kafka.Topic) {
			connections := s.Metrics.GroupConnections(proxy.GroupID(group))
			connections.Inc()
			defer connections.Dec()
			socket.ServeOut(c, options)
		},
	}
}

func valueFormat(q *query) proxy.Format {
	if f := q.format("valType"); f != proxy.FormatNone {
		return f
	}
	return proxy.FormatString
}

// payload reads socketPayload.
func payload(q *query) {
	if q.choice("socketPayload", "json", "avro") == "avro" {
		q.fault("socketPayload", "avro is not available yet: use json.")
	}
}

// lower returns the lower of two limits, of which 0 is none.
func lower(a, b int) int {
	if a == 0 || b != 0 && b < a {
		return b
	}
	return a
}
