package server

import (
	"net/http"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/policy"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// clients is the middleware that authenticates clients, where they must authenticate.
func (s *Server) clients(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		e := s.Guesses.judge(r, func() *proxy.Error {
			_, e := s.Auth.Request(r.Context(), r)
			return e
		})
		if e != nil {
			s.Refusals.tell("request refused", r, e, proxy.Principal{})
			s.writeRefusal(w, e)
			return
		}
		next(w, r)
	}
}

// writeRefusal is writeError for routes that need credentials: a 401 says which are accepted.
func (s *Server) writeRefusal(w http.ResponseWriter, e *proxy.Error) {
	if e.Kind == proxy.KindNotAuthenticated {
		s.Auth.Challenge(w.Header())
	}
	writeError(w, e)
}

// permitted is the authorizer: it refuses what the policy does not allow a client to do. The policy does not
// bind who has the credentials that are set for administrators: its rules cannot name them.
func (s *Server) permitted(f *flow, who *proxy.Identity) *proxy.Error {
	if s.Policy == nil || who.Principal.Method == proxy.MethodAdmin {
		return nil
	}
	for _, topic := range f.topics() {
		if e := s.permittedTopic(f, who, topic); e != nil {
			return e
		}
	}
	return nil
}

func (s *Server) permittedTopic(f *flow, who *proxy.Identity, topic string) *proxy.Error {
	use := policy.Use{Topic: topic, Write: f.writes, Group: string(f.group), Client: string(f.client)}
	if s.Policy.Allows(who, use) {
		return f.tailing.checkKeys(topic, s.Policy.Rules().Keys(who, use))
	}
	use.Client = ""
	if s.Policy.Allows(who, use) {
		return proxy.Errorf(proxy.KindNotAuthorized, "clientId: you may not be %q with the topic %q.", f.client, topic)
	}
	use.Group = ""
	if f.group != "" && s.Policy.Allows(who, use) {
		return proxy.Errorf(proxy.KindNotAuthorized, "groupId: you may not be in the group %q with the topic %q.", f.group, topic)
	}
	return proxy.Errorf(proxy.KindNotAuthorized, "topic: you may not use %q for this.", topic)
}
