// Package server is the proxy's HTTP surface: the handshakes of the sockets and the small
// endpoints around them. Main and Management show all routes.
package server

import (
	"log/slog"
	"maps"
	"net/http"
	"net/http/pprof"
	"strings"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/api"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/admin"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/auth"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/budget"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/clientcfg"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/config"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/console"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/feed"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/health"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/cluster"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/consume"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/inventory"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/produce"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/share"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/metrics"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/policy"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/session"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/socket"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/trace"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// Server holds what the handlers need. The builder sets all exported fields.
type Server struct {
	Config    *config.Config
	Cluster   *cluster.Cluster
	Admin     *inventory.Inventory // nil without the admin API
	Topics    *cluster.Topics
	Producers *produce.Pool
	Consumers *consume.Consumers
	Queues    *share.Groups
	Feeds     *feed.Hub
	Sockets   *socket.Registry
	// Compression of what clients and the proxy send; nil where it is not enabled.
	Compression *socket.Compression
	Budget      *budget.Budget
	Checks      *health.Checks
	Metrics     *metrics.Metrics
	Traces      *trace.Tracer // nil without traces
	Log         *slog.Logger

	Auth     *auth.Chain
	Guesses  *Guesses
	Refusals *Refusals
	Policy   *policy.File // nil where there is none

	// ConsoleClients is where the web console tells clients to connect.
	ConsoleClients console.Clients

	Limits       *clientcfg.Table
	LimitsWriter *clientcfg.Writer // nil where limits cannot be changed at run time
	Sessions     *session.Sessions
	// SessionsReady returns why the sessions cannot be read from Kafka now, or nil. It does not wait.
	SessionsReady func() error

	guards  guards
	quota   quota
	tails   tailCounts
	closes  admin.Closes
	buffers socket.Buffers
	pushers socket.Pushers
}

// Main returns the routes of the main listener.
func (s *Server) Main() http.Handler {
	r := routes{
		"/kafka/cluster/info": s.forPages(s.clients(s.clusterInfo)),
		"/openapi.yaml":       s.forPages(s.file("application/yaml", api.OpenAPI)),
		"/asyncapi.yaml":      s.forPages(s.file("application/yaml", api.AsyncAPI)),
		"/healthcheck":        s.forPages(s.healthcheck()),
		"/ready":              s.forPages(s.ready),
		"/":                   http.HandlerFunc(notFound),
	}
	for _, message := range []string{"producer/record", "producer/result", "consumer/record", "consumer/commit"} {
		r["/schemas/avro/"+message] = s.forPages(s.clients(s.avroSchema(message)))
	}
	maps.Copy(r, s.sockets())
	return s.front(r.below(s.Config.Server.PathPrefix))
}

// sockets returns the routes of the sockets.
func (s *Server) sockets() routes {
	return routes{
		"/socket/in":    get(s.socketIn),
		"/socket/out":   get(s.socketOut),
		"/socket/tail":  get(s.socketTail),
		"/socket/queue": get(s.socketQueue),
	}
}

// Management returns the routes of the management listener.
func (s *Server) Management() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/livez", get(health.Livez().ServeHTTP))
	mux.Handle("/readyz", get(s.Checks.Readyz().ServeHTTP))
	mux.Handle("/metrics", get(s.Metrics.Handler().ServeHTTP))
	if s.Config.Server.PprofEnabled {
		mux.Handle("/debug/pprof/", s.administrators(pprofRoutes()))
	}
	if s.Config.Server.AdminEndpointEnabled {
		forAdministrators := s.administrators(s.adminRoutes())
		mux.Handle("/admin", forAdministrators)
		mux.Handle("/admin/", forAdministrators)
	}
	if s.Config.Server.ConsoleEnabled {
		s.handleConsole(mux)
	}
	mux.Handle("/", s.administrators(http.HandlerFunc(notFound)))
	return s.front(mux)
}

func pprofRoutes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = http.NewResponseController(w).SetReadDeadline(time.Time{}) // a profile takes as long as it is asked to
		mux.ServeHTTP(w, r)
	})
}

// get serves GET and HEAD, and refuses other methods.
func get(serve http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			writeError(w, proxy.Errorf(proxy.KindMethodNotAllowed, "%s answers GET and HEAD only.", r.URL.Path))
			return
		}
		serve(w, r)
	})
}

// maxEcho bounds, in bytes, what an error repeats of what a client sent.
const maxEcho = 200

func notFound(w http.ResponseWriter, r *http.Request) {
	message := "There is nothing at " + shorten(r.URL.Path, maxEcho) + "."
	if strings.HasPrefix(r.URL.Path, "/socket/") {
		message += " The sockets are /socket/in, /socket/out, /socket/tail and /socket/queue."
	}
	writeError(w, proxy.Errorf(proxy.KindNotFound, "%s", message))
}
