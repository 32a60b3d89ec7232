package server

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/admin"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// adminTimeout bounds the time in which a request to the admin API must arrive and be answered.
const adminTimeout = 15 * time.Second

// adminRoutes returns the routes of the admin API.
func (s *Server) adminRoutes() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/admin/kafka/info", get(s.clusterInfo))
	limits := &admin.Limits{Table: s.Limits, Writer: s.LimitsWriter}
	mux.Handle("/admin/client/config", s.limits(methods{http.MethodGet: limits.All, http.MethodDelete: limits.Clear}))
	handleEach(mux, "/admin/client/config/consumer/", "groupId", s.limitsOf(limits.Consumers()))
	handleEach(mux, "/admin/client/config/producer/", "clientId", s.limitsOf(limits.Producers()))
	sessions := &admin.Sessions{Registry: s.Sessions}
	mux.Handle("/admin/sessions", s.endpoint(methods{http.MethodGet: sessions.All}))
	handleEach(mux, "/admin/sessions/", "id", s.endpoint(methods{http.MethodDelete: sessions.Evict}))
	groups := &admin.Groups{Kafka: s.Admin, Topics: s.Admin}
	mux.Handle("/admin/consumer-group/all", s.endpoint(methods{http.MethodGet: listGroups(groups)}))
	handleBelow(mux, "/admin/consumer-group/", map[string]http.Handler{
		"{groupId}/describe":              s.endpoint(methods{http.MethodGet: groups.Describe}),
		"{groupId}/offsets":               s.endpoint(methods{http.MethodGet: groups.Offsets, http.MethodDelete: groups.DeleteOffsets}),
		"{groupId}/offsets/alter/{topic}": s.endpoint(methods{http.MethodPut: groups.AlterOffsets}),
	})
	topics := &admin.Topics{Kafka: s.Admin, States: []string{s.Config.Sessions.StateTopic, s.Config.Sessions.DynamicConfigTopicName}}
	mux.Handle("/admin/topics", s.endpoint(methods{http.MethodGet: topics.All}))
	handleEach(mux, "/admin/topics/", "topic", s.endpoint(methods{http.MethodGet: topics.Describe}))
	for _, parent := range []string{"/", "/admin/client/config/consumer", "/admin/client/config/producer", "/admin/consumer-group"} {
		mux.HandleFunc(parent, notFound) // ServeMux would redirect to the path with a slash
	}
	return mux
}

// listGroups lists the consumer groups that the query parameters select.
func listGroups(groups *admin.Groups) admin.Endpoint {
	return func(r *http.Request) (any, error) {
		q := parseQuery(r.URL.RawQuery)
		which := admin.ListedGroups{ActiveOnly: q.boolean("activeOnly", false), Internal: q.boolean("includeInternals", false)}
		if e := q.err(); e != nil {
			return nil, e
		}
		return groups.All(r.Context(), which)
	}
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

// methods are the endpoints of a path.
type methods map[string]admin.Endpoint

// allow is the value of the header Allow.
func (m methods) allow() string {
	names := slices.Collect(maps.Keys(m))
	if m[http.MethodGet] != nil {
		names = append(names, http.MethodHead)
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}

// endpoint serves the methods of a path. It refuses requests that change something from pages of other
// origins: a browser may hold the credentials, or reach an API that requires none.
func (s *Server) endpoint(m methods) http.Handler {
	allow, origins := m.allow(), http.NewCrossOriginProtection()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		method := r.Method
		if method == http.MethodHead {
			method = http.MethodGet
		}
		serve := m[method]
		if serve == nil {
			w.Header().Set("Allow", allow)
			writeError(w, proxy.Errorf(proxy.KindMethodNotAllowed, "%s answers %s only.", r.URL.Path, allow))
			return
		}
		if err := origins.Check(r); err != nil {
			writeError(w, proxy.Wrap(err, proxy.KindNotAuthorized, "Pages of another origin may not change anything here."))
			return
		}
		_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(adminTimeout)) // where there is a connection
		answer, err := serve(r)
		if err != nil {
			s.refuseAdmin(w, r, proxy.AsError(err))
			return
		}
		if method != http.MethodGet {
			s.Log.Info("admin request", "method", r.Method, "path", r.URL.Path, "remote", r.RemoteAddr, "subject", administratorOf(r))
		}
		writeJSON(w, http.StatusOK, answer)
	})
}

func (s *Server) refuseAdmin(w http.ResponseWriter, r *http.Request, e *proxy.Error) {
	if e.Kind.Class().Status >= http.StatusInternalServerError {
		s.Log.Warn("admin request failed", "method", r.Method, "path", r.URL.Path, "err", e)
	}
	writeError(w, e)
}
