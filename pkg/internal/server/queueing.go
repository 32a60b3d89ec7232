package server

import (
	"context"
	"net/http"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/clientcfg"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/codec"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/cluster"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/share"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/metrics"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/session"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/socket"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// defaultWindow is how many records a client of a queue may hold that does not say.
const defaultWindow = 32

// queueing is a /socket/queue connection.
type queueing struct {
	server *Server
	asked  clientcfg.Limits
	worker share.Options
	socket socket.QueueOptions

	opened *share.Worker // nil until it is
	unpace func()        // stops following the limits
}

// socketQueue serves /socket/queue: work that is shared record by record.
func (s *Server) socketQueue(w http.ResponseWriter, r *http.Request) {
	s.handshake(w, r, metrics.Queue, s.parseQueue)
}

// parseQueue reads the parameters of /socket/queue.
func (s *Server) parseQueue(q *query, who *proxy.Identity) flow {
	client := proxy.ClientID(q.identifier("clientId", q.required("clientId")))
	group := proxy.GroupID(q.identifier("groupId", q.required("groupId")))
	if isAvro(q) {
		q.fault("socketPayload", "must be json: the Avro schema of records has no place for what a queue tells of them.")
	}
	settings := s.parseFrames(q).settings
	settings.Topic = q.topic()
	queue := &queueing{
		server: s, asked: clientcfg.Limits{MessagesPerSecond: q.positive("rate")},
		worker: share.Options{
			GroupID: group, Window: q.between("window", 1, share.MaxWindow, defaultWindow),
			Begin:     share.Begin(q.choice("offsetResetStrategy", string(share.BeginEarliest), string(share.BeginLatest))),
			Isolation: share.Isolation(q.choice("isolationLevel", string(share.ReadUncommitted), string(share.ReadCommitted))),
		},
		socket: socket.QueueOptions{
			Topic: settings.Topic, Codec: codec.NewQueue(settings), Confirm: q.boolean("confirm", false), Longest: settings.MaxMessageBytes,
		},
	}
	return flow{
		direction: metrics.Queue, payload: metrics.JSON, topic: settings.Topic, group: group, client: client, queueing: queue,
		session: &session.Request{
			Kind: session.Consumer, Client: client, Group: group, Principal: who.Principal, OnConflict: onConflict(q),
		},
		log:   []any{"clientId", string(client), "groupId", string(group), "topic", settings.Topic},
		serve: queue.serve,
	}
}

// begin opens the worker: whether the brokers have queues, and whether the group is one, is told by the handshake.
func (q *queueing) begin(ctx context.Context, topic *cluster.Topic) *proxy.Error {
	ctx, cancel := context.WithTimeout(ctx, lookupTimeout)
	defer cancel()
	pace, stop := q.server.follow(clientcfg.Consumer, string(q.worker.GroupID), q.asked)
	q.worker.Topic, q.worker.Rate = topic, pace.rate
	worker, err := q.server.Queues.Open(ctx, q.worker)
	if err != nil {
		stop()
		return proxy.AsError(err)
	}
	q.opened, q.unpace = worker, stop
	return nil
}

// giveUp closes the worker of a connection that is not made. q may be nil.
func (q *queueing) giveUp() {
	if q == nil || q.opened == nil {
		return
	}
	q.unpace()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	q.opened.Close(ctx)
}

func (q *queueing) serve(c *socket.Conn, _ *admission) {
	connections := q.server.Metrics.GroupConnections(q.worker.GroupID)
	connections.Inc()
	defer connections.Dec()
	defer q.unpace()
	options := q.socket
	options.Worker = q.opened
	socket.ServeQueue(c, options)
}
