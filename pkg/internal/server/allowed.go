package server

import (
	"net"
	"net/http"
	"net/url"
	"strings"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/policy"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// internalPrefix begins the names of Kafka's own topics.
const internalPrefix = "__"

// checkOrigin refuses browsers whose page comes from elsewhere. Clients that are not browsers
// send no Origin.
func (s *Server) checkOrigin(r *http.Request) *proxy.Error {
	origin := r.Header.Get("Origin")
	if origin == "" {
		return nil
	}
	from, err := url.Parse(origin)
	if err == nil && from.Host != "" {
		if strings.EqualFold(from.Host, r.Host) {
			return nil
		}
		for _, pattern := range s.Config.Sockets.AllowedOrigins {
			if originMatches(pattern, from) {
				return nil
			}
		}
	}
	return proxy.Errorf(proxy.KindNotAuthorized, "Pages of the Origin %q may not connect to this host.", origin)
}

// originMatches compares an origin with [scheme://]host[:port]. Without a scheme or port the
// pattern stands for any. A * stands for the whole host or for one part of its name.
func originMatches(pattern string, from *url.URL) bool {
	if scheme, rest, ok := strings.Cut(pattern, "://"); ok {
		if !strings.EqualFold(scheme, from.Scheme) {
			return false
		}
		pattern = rest
	}
	host, port, err := net.SplitHostPort(pattern)
	if err != nil { // there is no port
		host, port = strings.Trim(pattern, "[]"), ""
	}
	return (port == "" || port == originPort(from)) && hostMatches(strings.ToLower(host), strings.ToLower(from.Hostname()))
}

// originPort returns an origin's port. Browsers leave out that of the scheme.
func originPort(from *url.URL) string {
	switch {
	case from.Port() != "":
		return from.Port()
	case strings.EqualFold(from.Scheme, "https"):
		return "443"
	default:
		return "80"
	}
}

func hostMatches(pattern, host string) bool {
	if pattern == "*" {
		return true
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

// allowed refuses the topics and groups that the configuration does not let clients use,
// whether they exist or not.
func (s *Server) allowed(f *flow) *proxy.Error {
	sessions, security := s.Config.Sessions, s.Config.Security
	if strings.HasPrefix(f.topic, internalPrefix) || f.topic == sessions.StateTopic ||
		f.topic == sessions.DynamicConfigTopicName || !policy.Matches(security.AllowedTopics, f.topic) {
		return proxy.Errorf(proxy.KindNotAuthorized, "topic: %q is not open to clients.", f.topic)
	}
	group := string(f.group)
	if group != "" && (strings.HasPrefix(group, internalPrefix) || !policy.Matches(security.AllowedGroups, group)) {
		return proxy.Errorf(proxy.KindNotAuthorized, "groupId: %q is not open to clients.", group)
	}
	return nil
}
