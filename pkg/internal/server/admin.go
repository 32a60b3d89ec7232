package server

import (
	"maps"
	"net/http"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/admin"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/session"
)

// Report answers a question of another replica: it is a session.Reporter.
func (s *Server) Report(q session.Question, held map[string]session.Holder) []byte {
	return (&admin.Reporter{Closes: &s.closes, Tails: s.tails.Tails}).Report(q, held)
}

// adminRoutes returns the routes of the admin API.
func (s *Server) adminRoutes() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/admin/kafka/info", get(s.clusterInfo))
	limits := &admin.Limits{Table: s.Limits, Writer: s.LimitsWriter}
	mux.Handle("/admin/client/config", s.limits(methods{http.MethodGet: limits.All, http.MethodDelete: limits.Clear}))
	handleEach(mux, "/admin/client/config/consumer/", "groupId", s.limitsOf(limits.Consumers()))
	handleEach(mux, "/admin/client/config/producer/", "clientId", s.limitsOf(limits.Producers()))
	sessions := &admin.Sessions{Registry: s.Sessions, Peers: s.Sessions, Tails: s.tails.Tails, Replica: s.Config.Server.ID}
	mux.Handle("/admin/sessions", s.endpoint(methods{http.MethodGet: listSessions(sessions)}))
	handleEach(mux, "/admin/sessions/", "id", s.endpoint(methods{http.MethodDelete: sessions.Evict}))
	mux.Handle("/admin/closes", s.endpoint(methods{http.MethodGet: listCloses(&s.closes, s.Sessions)}))
	groups := &admin.Groups{Kafka: s.Admin, Topics: s.Admin}
	mux.Handle("/admin/consumer-group/all", s.endpoint(methods{http.MethodGet: listGroups(groups)}))
	handleBelow(mux, "/admin/consumer-group/", map[string]http.Handler{
		"{groupId}":                       s.endpoint(methods{http.MethodDelete: groups.Remove}),
		"{groupId}/describe":              s.endpoint(methods{http.MethodGet: groups.Describe}),
		"{groupId}/offsets":               s.endpoint(methods{http.MethodGet: groups.Offsets, http.MethodDelete: groups.DeleteOffsets}),
		"{groupId}/offsets/alter/{topic}": s.endpoint(methods{http.MethodPut: alterOffsets(groups)}),
	})
	mux.Handle("/admin/policy/check", s.endpoint(methods{http.MethodGet: s.judge}))
	topics := &admin.Topics{Kafka: s.Admin, States: []string{s.Config.Sessions.StateTopic, s.Config.Sessions.DynamicConfigTopicName}}
	mux.Handle("/admin/topics", s.endpoint(methods{http.MethodGet: listTopics(topics)}))
	handleEach(mux, "/admin/topics/", "topic", s.endpoint(methods{http.MethodGet: topics.Describe}))
	for _, parent := range []string{"/", "/admin/client/config/consumer", "/admin/client/config/producer", "/admin/consumer-group"} {
		mux.HandleFunc(parent, notFound) // ServeMux would redirect to the path with a slash
	}
	return mux
}

func (s *Server) limitsOf(c admin.OfClients) http.Handler {
	return s.limits(methods{
		http.MethodGet: c.Get, http.MethodPost: c.Create, http.MethodPut: c.Replace, http.MethodDelete: c.Remove,
	})
}

// limits serves endpoints for limits, without the methods that change limits where these are fixed.
func (s *Server) limits(m methods) http.Handler {
	if s.LimitsWriter == nil {
		maps.DeleteFunc(m, func(method string, _ admin.Endpoint) bool { return method != http.MethodGet })
	}
	return s.endpoint(m)
}
