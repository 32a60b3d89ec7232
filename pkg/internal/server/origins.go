package server

import (
	"net"
	"net/http"
	"net/url"
	"strings"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// opaqueOrigin is the Origin that browsers send for pages without one: files, sandboxed frames.
const opaqueOrigin = "null"

// checkOrigin refuses browsers whose page comes from an origin that is not allowed. Clients that are not
// browsers send no Origin.
func (s *Server) checkOrigin(r *http.Request) *proxy.Error {
	origin := r.Header.Get("Origin")
	if origin == "" || s.allowsOrigin(origin, r.Host) {
		return nil
	}
	return proxy.Errorf(proxy.KindNotAuthorized, "Pages of the Origin %q may not connect to this host.", shorten(origin, maxEcho))
}

// allowsOrigin tells whether pages of an origin may use this host. A list applies to the requested host
// too: an attacker chooses that host by making a name resolve to this address.
func (s *Server) allowsOrigin(origin, host string) bool {
	list := s.Config.Sockets.AllowedOrigins
	if len(list) == 0 {
		return isSameHost(origin, host)
	}
	for _, pattern := range list {
		if originMatches(pattern, origin) {
			return true
		}
	}
	return false
}

// isSameHost compares an origin with the value of the header Host. Browsers omit the default port of the
// scheme, and proxies before this one add it.
func isSameHost(origin, host string) bool {
	from, err := url.Parse(origin)
	if err != nil || !isWeb(from.Scheme) || from.Host == "" {
		return false
	}
	asked := &url.URL{Host: host}
	port := asked.Port()
	if port == "" || port == "80" || port == "443" {
		port = defaultPort(from.Scheme)
	}
	return strings.EqualFold(from.Hostname(), asked.Hostname()) && originPort(from) == port
}

// originMatches compares an origin with an item of ALLOWED_ORIGINS. A * alone stands for every origin,
// else the item is a name such as null, or [scheme://]host[:port]. Without a scheme it stands for http
// and https, without a port for any. A * stands for the whole host or for one part of its name.
func originMatches(pattern, origin string) bool {
	from, err := url.Parse(origin)
	isOrigin := err == nil && from.Scheme != ""
	if pattern == "*" {
		return isOrigin || origin == opaqueOrigin
	}
	if strings.EqualFold(pattern, origin) {
		return true
	}
	if !isOrigin || from.User != nil {
		return false
	}
	scheme, rest, found := strings.Cut(pattern, "://")
	if !found {
		return isWeb(from.Scheme) && hostAndPortMatch(pattern, from)
	}
	return strings.EqualFold(scheme, from.Scheme) && hostAndPortMatch(rest, from)
}

func hostAndPortMatch(pattern string, from *url.URL) bool {
	host, port, err := net.SplitHostPort(pattern)
	if err != nil { // there is no port
		host, port = strings.Trim(pattern, "[]"), ""
	}
	return (port == "" || port == originPort(from)) && hostMatches(strings.ToLower(host), strings.ToLower(from.Hostname()))
}

// originPort returns an origin's port, which browsers omit where it is the scheme's default.
func originPort(from *url.URL) string {
	if port := from.Port(); port != "" {
		return port
	}
	return defaultPort(from.Scheme)
}

func defaultPort(scheme string) string {
	switch strings.ToLower(scheme) {
	case "https":
		return "443"
	case "http":
		return "80"
	}
	return ""
}

func isWeb(scheme string) bool { return defaultPort(scheme) != "" }

func hostMatches(pattern, host string) bool {
	if pattern == "*" {
		return host != ""
	}
	wanted, given := strings.Split(pattern, "."), strings.Split(host, ".")
	if len(wanted) != len(given) {
		return false
	}
	for i := range wanted {
		if wanted[i] != "*" && wanted[i] != given[i] {
			return false
		}
	}
	return true
}
