package server

import (
	"slices"
	"strings"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/policy"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

const (
	// internalPrefix begins the names of Kafka's own topics.
	internalPrefix = "__"
	// ownPrefix begins the names of the proxy's topics, those of other installations too.
	ownPrefix = "_wsproxy."
)

// allowed refuses the topics and groups that the configuration does not let clients use,
// whether they exist or not.
func (s *Server) allowed(f *flow) *proxy.Error {
	security := &s.Config.Security
	for _, topic := range f.topics() {
		if s.isState(topic) || !opens(security.AllowedTopics, topic) {
			return proxy.Errorf(proxy.KindNotAuthorized, "topic: %q is not open to clients.", topic)
		}
	}
	if group := string(f.group); group != "" && !opens(security.AllowedGroups, group) {
		return proxy.Errorf(proxy.KindNotAuthorized, "groupId: %q is not open to clients.", group)
	}
	return nil
}

func (s *Server) isState(topic string) bool {
	sessions := &s.Config.Sessions
	return topic == sessions.StateTopic || topic == sessions.DynamicConfigTopicName
}

// opens tells whether globs open a name to clients. Names that begin with an underscore are internal to
// some program, such as a schema registry: only globs that begin with an underscore open them, so that *
// alone does not.
func opens(globs []string, name string) bool {
	if strings.HasPrefix(name, internalPrefix) || strings.HasPrefix(name, ownPrefix) {
		return false
	}
	if strings.HasPrefix(name, "_") {
		globs = slices.DeleteFunc(slices.Clone(globs), func(glob string) bool { return !strings.HasPrefix(glob, "_") })
	}
	return policy.Matches(globs, name)
}
