package server

import (
	"net/http"
	"sync/atomic"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/clientcfg"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/codec"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/cluster"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/consume"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/metrics"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/session"
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
func (s *Server) parseIn(q *query, who *proxy.Identity) flow {
	client := q.identifier("clientId", q.required("clientId"))
	instance := q.identifier("instanceId", q.text("instanceId"))
	settings := codec.InSettings{
		Topic: q.topic(), KeyFormat: q.format("keyType"), ValueFormat: q.format("valType"),
		MaxDepth: s.Config.Sockets.MaxJSONDepth, ClientMessageID: q.boolean("clientMessageId", false),
	}
	payload, newCodec := metrics.JSON, codec.NewJSONIn
	if isAvro(q) {
		payload, newCodec = metrics.Avro, codec.NewAvroIn
	}
	transactional := s.parseTransactional(q)
	var claimed *session.Request
	conflict := onConflict(q)
	if s.Config.Producers.SessionsEnabled {
		q.required("instanceId")
		claimed = &session.Request{
			Kind: session.Producer, Client: proxy.ClientID(client), Instance: instance, Principal: who.Principal, OnConflict: conflict,
		}
	}
	return flow{
		direction: metrics.In, payload: payload, topic: settings.Topic, writes: true, session: claimed, client: proxy.ClientID(client),
		log: []any{"clientId", client, "instanceId", instance, "topic", settings.Topic},
		serve: func(c *socket.Conn, a *admission) {
			topic := a.topic
			pace, stop := s.follow(clientcfg.Producer, client, clientcfg.Limits{})
			defer stop()
			options := socket.InOptions{
				Topic: topic.Name, Codec: newCodec(settings),
				Rate:            pace.rate,
				MaxInFlight:     s.Config.Producers.MaxInFlight,
				DeliveryTimeout: s.Config.Kafka.ProducerDeliveryTimeout,
				Spans:           a.span.Messages(topic.Name, proxy.ClientID(client)),
			}
			if transactional {
				s.serveInTransactions(c, options, topic, proxy.ClientID(client), proxy.InstanceID(instance))
				return
			}
			options.Producer = s.Producers.Open(proxy.ClientID(client), topic)
			socket.ServeIn(c, options)
		},
	}
}

// parseTransactional reads whether messages are written in transactions, which requires an instanceId to
// identify the producer.
func (s *Server) parseTransactional(q *query) bool {
	transactional := q.boolean("transactional", false)
	if transactional && !s.Config.Producers.ExactlyOnceEnabled {
		q.fault("transactional", "is not available: it needs WSPROXY_PRODUCER_EXACTLY_ONCE_ENABLED.")
	}
	if transactional {
		q.required("instanceId")
	}
	return transactional
}

func (s *Server) serveInTransactions(
	c *socket.Conn, options socket.InOptions, topic *cluster.Topic, client proxy.ClientID, instance proxy.InstanceID,
) {
	transactions, err := s.Producers.OpenTransactions(client, instance, topic)
	if err != nil {
		socket.ServeRefusal(c, proxy.Wrap(err, proxy.KindKafkaUnavailable, "No Kafka client could be made."))
		return
	}
	socket.ServeInTransactions(c, options, transactions)
}

// parseOut reads the parameters of /socket/out.
func (s *Server) parseOut(q *query, who *proxy.Identity) flow {
	client := q.identifier("clientId", q.required("clientId"))
	group := q.identifier("groupId", q.text("groupId"))
	if group == "" {
		group = client + "-group"
	}
	frames := s.parseFrames(q)
	settings := frames.settings
	settings.Topic = q.topic()
	payload, newCodec := frames.codec()
	consumers := s.Config.Consumers
	reset := consume.OffsetReset(q.choice("offsetResetStrategy", string(consume.ResetEarliest), string(consume.ResetLatest), string(consume.ResetNone)))
	readCommitted := q.choice("isolationLevel", "read_uncommitted", "read_committed") == "read_committed"
	options := socket.OutOptions{
		Topic: settings.Topic, Codec: newCodec(settings),
		AutoCommit:     q.boolean("autoCommit", true),
		CommitInterval: consumers.CommitInterval,
		Log:            s.Log.With("clientId", client, "groupId", group, "topic", settings.Topic),
	}
	if credit, given := q.count("credit"); given {
		options.Credit = socket.NewCredit(credit)
	}
	asked := clientcfg.Limits{MessagesPerSecond: q.positive("rate"), BatchSize: q.positive("batchSize")}
	member := consume.Options{
		ClientID: proxy.ClientID(client), GroupID: proxy.GroupID(group),
		Reset: reset, ReadCommitted: readCommitted, SessionTimeout: consumers.SessionTimeout,
	}
	joined := new(atomic.Pointer[consume.Consumer])
	return flow{
		joined:    joined,
		direction: metrics.Out, payload: payload, topic: settings.Topic, group: proxy.GroupID(group), client: proxy.ClientID(client),
		session: &session.Request{
			Kind: session.Consumer, Client: proxy.ClientID(client), Group: proxy.GroupID(group), Principal: who.Principal, OnConflict: onConflict(q),
		},
		log: []any{"clientId", client, "groupId", group, "topic", settings.Topic},
		serve: func(c *socket.Conn, a *admission) {
			connections := s.Metrics.GroupConnections(proxy.GroupID(group))
			connections.Inc()
			defer connections.Dec()
			pace, stop := s.follow(clientcfg.Consumer, group, asked)
			defer stop()
			options.Rate, options.Batch = pace.rate, pace.batch
			options.Open = func(owner proxy.Owner) (socket.Consumer, error) {
				member.Owner, member.Topic = owner, a.topic
				consumer, err := s.Consumers.Join(member)
				if err != nil {
					return nil, err //nolint:wrapcheck // it says what was being done
				}
				joined.Store(consumer)
				return consumer, nil
			}
			socket.ServeOut(c, options)
		},
	}
}

func isAvro(q *query) bool { return q.choice("socketPayload", "json", "avro") == "avro" }
