package server

import (
	"context"
	"encoding/base64"
	"net/http"
	"runtime/debug"
	"strings"
	"sync/atomic"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/admin"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/auth"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/cluster"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/consume"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/metrics"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/session"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/socket"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/trace"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

const (
	// closeTimeout bounds how long a peer may take to answer a close frame.
	closeTimeout = 5 * time.Second
	// probeBytes is half of what a client must read within the times for ping and pong, 35 s by default. It is that
	// large so that a client that is sent some 300 MB/s is pinged no more than 600 times a second.
	probeBytes = 512 << 10
	// goneGrace bounds how long a connection may take to finish after its topic, session or authorization
	// ended.
	goneGrace = 5 * time.Second
)

// flow is what one kind of socket adds to the handshake and what it then does.
type flow struct {
	direction metrics.Direction
	payload   metrics.Payload
	topic     string
	tailing   *tailing                          // only on /socket/tail, which has several topics
	queueing  *queueing                         // only on /socket/queue
	joined    *atomic.Pointer[consume.Consumer] // only on /socket/out: the member, once there is one
	client    proxy.ClientID
	group     proxy.GroupID    // empty on /socket/in
	writes    bool             // to the topic
	session   *session.Request // nil where the connection needs none
	log       []any            // what identifies the connection in the log
	serve     func(*socket.Conn, *admission)
}

// access returns the access to Kafka that a flow needs.
func (f *flow) access(credentials proxy.KafkaCredentials) cluster.Access {
	operation := cluster.Consume
	if f.writes {
		operation = cluster.Produce
	}
	return cluster.Access{Credentials: credentials, Topic: f.topic, Operation: operation, Group: f.group}
}

// handshake admits a connection and serves it, or refuses it. The steps are in the order that
// clients rely on: capacity, Origin, credentials, parameters, allowed names, the topic at Kafka,
// whether this is a WebSocket request at all, and last the session.
func (s *Server) handshake(w http.ResponseWriter, r *http.Request, direction metrics.Direction, parse parser) {
	q := parseQuery(r.URL.RawQuery)
	tellByClosing := q.choice("handshakeErrors", "status", "close") == "close"
	a := admission{span: s.Traces.Handshake(r, "/socket/"+string(direction))}
	place, through, e := s.enter(r)
	defer through()
	a.place = place
	if e == nil {
		e = s.checkMemory(direction)
	}
	if e == nil {
		e = s.Guesses.judge(r, func() *proxy.Error { return s.admit(r, q, parse, &a) })
	}
	if e != nil {
		through() // sending the refusal may take longer
		s.Metrics.HandshakeRefused(direction, e.Kind)
		s.Refusals.tell("handshake refused", r, e, a.authn.Identity.Principal)
		s.refuse(w, r, e, tellByClosing, a.span)
		return
	}
	a.through = through
	s.open(w, r, &a)
}

// enter begins a handshake. place gives back its place among those in progress, through also ends it.
func (s *Server) enter(r *http.Request) (place, through func(), e *proxy.Error) {
	place, e = s.Sockets.Enter(r.RemoteAddr)
	if e != nil {
		return place, place, e
	}
	done := handshaking(r.Context())
	return place, func() {
		place()
		done()
	}, nil
}

// parser reads the parameters of a kind of socket, for the client that asks for it.
type parser func(q *query, who *proxy.Identity) flow

// admission is what an admitted connection holds.
type admission struct {
	authn   auth.Authentication
	place   func() // gives back the place among the handshakes in progress
	through func() // ends the handshake
	leave   func() // gives back the place in the principal's quota
	flow    flow
	topic   *cluster.Topic   // nil on /socket/tail, whose flow has its topics
	session *session.Session // nil where it needs none
	span    *trace.Handshake // nil without traces
}

// admit authenticates and authorizes the client, opens its topic, and takes a place among the sockets and
// a session. The error says why it refuses the client.
func (s *Server) admit(r *http.Request, q *query, parse parser, a *admission) (e *proxy.Error) {
	if e := s.checkSocketOrigin(r); e != nil {
		return e
	}
	if a.authn, e = s.authenticate(r); e != nil {
		return e
	}
	a.flow = parse(q, &a.authn.Identity)
	if e := q.err(); e != nil {
		return e
	}
	if e := checkSubprotocols(r); e != nil {
		return e
	}
	a.span.Asks(a.flow.topic, a.flow.client, a.flow.group)
	if e := s.allowed(&a.flow); e != nil {
		return e
	}
	if e := s.permitted(&a.flow, &a.authn.Identity); e != nil {
		return e
	}
	if a.flow.session != nil {
		if e := s.claimable(); e != nil {
			return e
		}
	}
	ctx, cancel := context.WithTimeout(r.Context(), lookupTimeout)
	defer cancel()
	if e := s.openTopics(ctx, a); e != nil {
		return e
	}
	if e := s.takePlace(ctx, r, a); e != nil {
		a.closeTopics()
		return e
	}
	if e := a.begin(r.Context()); e != nil {
		s.giveUp(r, a)
		return e
	}
	return nil
}

// begin begins what a connection does at Kafka before the client is told that it is open.
func (a *admission) begin(ctx context.Context) *proxy.Error {
	switch {
	case a.flow.tailing != nil:
		return a.flow.tailing.begin(ctx)
	case a.flow.queueing != nil:
		return a.flow.queueing.begin(ctx, a.topic)
	}
	return nil
}

// openTopics opens the topics of a connection.
func (s *Server) openTopics(ctx context.Context, a *admission) *proxy.Error {
	if a.flow.tailing != nil {
		return a.flow.tailing.open(ctx)
	}
	topic, err := s.Topics.OpenFor(ctx, a.flow.access(a.authn.Identity.Kafka))
	if err != nil {
		return proxy.AsError(err)
	}
	a.topic = topic
	return nil
}

func (a *admission) closeTopics() {
	if a.flow.tailing != nil {
		a.flow.tailing.close()
		return
	}
	a.topic.Close()
}

// holds returns what the connection holds of topics.
func (a *admission) holds() []*cluster.Topic {
	if a.flow.tailing != nil {
		return a.flow.tailing.holds()
	}
	return []*cluster.Topic{a.topic}
}

// topics returns the names of the topics that a connection uses, or asks for.
func (f *flow) topics() []string {
	if f.tailing != nil {
		return f.tailing.names()
	}
	return []string{f.topic}
}

// giveUp releases what an admitted connection holds that is not made.
func (s *Server) giveUp(r *http.Request, a *admission) {
	a.flow.queueing.giveUp()
	a.session.Close()
	s.Sockets.Leave(r.RemoteAddr, nil)
	a.leave()
	a.closeTopics()
}

// takePlace takes a place among the sockets, then a session.
func (s *Server) takePlace(ctx context.Context, r *http.Request, a *admission) *proxy.Error {
	if e := checkUpgrade(r); e != nil {
		return e
	}
	var e *proxy.Error
	if a.leave, e = s.quota.take(s.Config.Sockets.MaxConnectionsPerSubject, a.authn.Identity.Principal, a.flow.place()); e != nil {
		return e
	}
	if e = s.Sockets.Admit(r.RemoteAddr); e != nil {
		a.leave()
		return e
	}
	if a.session, e = s.claim(ctx, r, a); e != nil {
		s.Sockets.Leave(r.RemoteAddr, nil)
		a.leave()
	}
	return e
}

// open upgrades the connection to a WebSocket, which is served in a goroutine of its own: the one of net/http
// would keep the request, its buffers and a deep stack for as long as the connection lasts.
func (s *Server) open(w http.ResponseWriter, r *http.Request, a *admission) {
	a.through() // before the client has the answer: it may connect again at once
	a.place, a.through = nil, nil
	c, err := socket.Accept(w, r, s.socketSettings(), s.Metrics)
	if err != nil {
		s.giveUp(r, a)
		s.Log.Warn("handshake failed", "remote", r.RemoteAddr, "err", err)
		a.span.End(http.StatusInternalServerError, proxy.AsError(err))
		return
	}
	a.span.End(http.StatusSwitchingProtocols, nil)
	go s.serve(c, a, r.RemoteAddr)
}

// serve serves a connection to its end. It then releases what the connection holds, the session after the flow
// has left its consumer group.
func (s *Server) serve(c *socket.Conn, a *admission, remote string) {
	defer s.survive(remote)
	defer a.closeTopics()
	defer a.leave()
	defer s.Metrics.Hold(a.flow.topic, a.flow.group)()
	s.Sockets.Add(c)
	defer s.Sockets.Leave(remote, c)
	a.session.Serve(a.holder(c))
	defer a.session.Close()
	defer s.guard(c, a)()
	defer s.age(c)()
	f := a.flow
	log := s.Log.With("direction", f.direction, "remote", remote).With(f.log...)
	if who := a.authn.Identity.Principal; !who.IsAnonymous() {
		log = log.With("subject", who.String())
	}
	log.Info("socket opened")
	topics := f.topics() // a tail that has ended has none
	opened, counted := time.Now(), s.Metrics.ConnectionOpened(f.direction, f.payload)
	defer func() {
		counted.Closed(c.Result())
		log.Info("socket closed", "code", c.Result(), "seconds", time.Since(opened).Seconds())
		s.closes.Add(closeOf(c, a, topics, opened, s.Config.Server.ID))
	}()
	if a.topic != nil {
		defer a.topic.WhenOver(func() { c.End(socket.EndWith(a.topic.End(), goneGrace)) })()
	}
	f.serve(c, a)
}

// closeOf describes the end of a connection to topics.
func closeOf(c *socket.Conn, a *admission, topics []string, opened time.Time, replica string) admin.Close {
	end := admin.Close{
		Endpoint: string(a.flow.direction), Client: a.flow.client, Group: a.flow.group, Topic: strings.Join(topics, ","),
		Replica: replica, Code: c.Result(), Records: c.Records(), Since: opened.UTC(), At: time.Now().UTC(),
	}
	if who := a.authn.Identity.Principal; !who.IsAnonymous() {
		end.Subject = who.String()
	}
	if e := c.Ending(); e != nil && e.Code == end.Code {
		end.Reason = e.Reason
	}
	return end
}

// survive is deferred first by a connection's goroutine: a bug that makes it panic ends this connection, as
// net/http has it for requests, and not those of all other clients.
func (s *Server) survive(remote string) {
	if cause := recover(); cause != nil {
		s.Log.Error("a socket failed", "remote", remote, "panic", cause, "stack", string(debug.Stack()))
	}
}

func (s *Server) socketSettings() socket.Settings {
	o := s.Config.Sockets
	return socket.Settings{
		MaxMessageBytes: o.MaxMessageBytes, PingInterval: o.PingInterval, PongTimeout: o.PongTimeout, ProbeBytes: probeBytes,
		WriteTimeout: o.WriteTimeout, CloseTimeout: closeTimeout, Budget: s.Budget, Buffers: &s.buffers, Pushers: &s.pushers, Compression: s.Compression,
	}
}

// refuse tells a client why its handshake failed: by the HTTP status, or by a close frame if the client
// asked for that. While too many clients are being sent close frames, the others get the status too.
func (s *Server) refuse(w http.ResponseWriter, r *http.Request, e *proxy.Error, byClosing bool, span *trace.Handshake) {
	through, ok := func() {}, false
	if byClosing && checkUpgrade(r) == nil {
		through, ok = s.Sockets.Refuse(r.RemoteAddr)
	}
	if !ok {
		s.refuseByStatus(w, r, e)
		span.End(e.Kind.Class().Status, e)
		return
	}
	defer through()
	settings := s.socketSettings()
	settings.Compression = nil // nothing is inflated for a client that is refused
	c, err := socket.Accept(w, r, settings, s.Metrics)
	if err != nil {
		s.Log.Warn("handshake failed", "remote", r.RemoteAddr, "err", err)
		span.End(http.StatusInternalServerError, e)
		return
	}
	span.End(http.StatusSwitchingProtocols, e)
	socket.ServeRefusal(c, e)
}

func (s *Server) refuseByStatus(w http.ResponseWriter, r *http.Request, e *proxy.Error) {
	if e.Kind == proxy.KindUpgradeRequired {
		w.Header().Set("Connection", "Upgrade")
		if r.Close { // net/http would put close in its place
			w.Header().Set("Connection", "Upgrade, close")
		}
		w.Header().Set("Upgrade", "websocket")
		w.Header().Set("Sec-WebSocket-Version", "13")
	}
	s.writeRefusal(w, e)
}

// checkUpgrade tells whether r asks for a WebSocket (RFC 6455, section 4.2.1).
func checkUpgrade(r *http.Request) *proxy.Error {
	key, err := base64.StdEncoding.DecodeString(strings.TrimSpace(r.Header.Get("Sec-WebSocket-Key")))
	var missing string
	switch {
	case r.Method != http.MethodGet || !r.ProtoAtLeast(1, 1):
		missing = "it must be a GET of HTTP/1.1"
	case !hasToken(r.Header.Values("Connection"), "upgrade"):
		missing = "the header Connection must hold Upgrade"
	case !hasToken(r.Header.Values("Upgrade"), "websocket"):
		missing = "the header Upgrade must be websocket"
	case r.Header.Get("Sec-WebSocket-Version") != "13":
		missing = "the header Sec-WebSocket-Version must be 13"
	case err != nil || len(key) != 16 || len(r.Header.Values("Sec-WebSocket-Key")) != 1:
		missing = "the header Sec-WebSocket-Key must be 16 bytes in base64"
	default:
		return nil
	}
	return proxy.Errorf(proxy.KindUpgradeRequired, "%s takes WebSocket requests: %s.", r.URL.Path, missing)
}

func hasToken(headers []string, token string) bool {
	for _, header := range headers {
		for part := range strings.SplitSeq(header, ",") {
			if strings.EqualFold(strings.TrimSpace(part), token) {
				return true
			}
		}
	}
	return false
}
