package server

import (
	"net/http"
	"net/netip"
	"net/url"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/auth"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/console"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// handleConsole adds the routes of the web console: its page, and for it the sockets, which are as those of the
// main listener but for administrators alone.
func (s *Server) handleConsole(mux *http.ServeMux) {
	page := s.administrators(get(console.Handler(console.Options{
		Replica: s.Config.Server.ID, Download: s.Config.Server.ConsoleDownloadEnabled, Clients: s.ConsoleClients,
		Who: administratorIn, NotFound: notFound,
	}).ServeHTTP))
	mux.Handle(console.Root, page)
	mux.Handle("/console", get(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, console.Root, http.StatusPermanentRedirect)
	}))
	for path, serve := range s.sockets() {
		mux.Handle(path, s.administrators(serve))
	}
}

// authenticate authenticates the client of a handshake. An administrator who was let in by the credentials that are
// set for administrators has no others: it reads and writes as the proxy's own Kafka user.
func (s *Server) authenticate(r *http.Request) (auth.Authentication, *proxy.Error) {
	if who, is := administratorOf(r); is && who.Method == proxy.MethodAdmin {
		return auth.Authentication{Identity: proxy.Identity{Principal: who}}, nil
	}
	return s.Auth.Socket(r.Context(), r)
}

// checkSocketOrigin is checkOrigin for a handshake. The sockets of the management listener are for its own page: no
// other page may open them, whatever the origins of clients.
func (s *Server) checkSocketOrigin(r *http.Request) *proxy.Error {
	if _, is := administratorOf(r); !is {
		return s.checkOrigin(r)
	}
	origin := r.Header.Get("Origin")
	if origin == "" || isSameHost(origin, r.Host) && s.isOwnName(r) {
		return nil
	}
	return proxy.Errorf(proxy.KindNotAuthorized, "Pages of the Origin %q may not connect to this host.", shorten(origin, maxEcho))
}

// isOwnName tells whether the requested host may be this one. Where nobody authenticates, a page of a foreign name
// that was made to resolve to this address could use the sockets, since its origin has the name of the host that it
// asks. So the host must be an address, localhost, or be among the origins of clients.
func (s *Server) isOwnName(r *http.Request) bool {
	if s.Config.Security.AdminBasicAuthUsername != "" || s.Auth.KnowsClients() {
		return true
	}
	name := (&url.URL{Host: r.Host}).Hostname()
	_, err := netip.ParseAddr(name)
	listed := len(s.Config.Sockets.AllowedOrigins) > 0 && s.allowsOrigin(r.Header.Get("Origin"), r.Host)
	return err == nil || name == "localhost" || listed
}
