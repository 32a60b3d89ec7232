package server

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/policy"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// verdict is the answer to whether a client may do something, as the admin API gives it.
type verdict struct {
	Allowed bool `json:"allowed"`
	// Rule is the place in the policy's file, from 0, of the first rule that allows it; null where none does.
	Rule *int `json:"rule"`
	// ClaimRules are the places of rules that allow it to clients with the claims that they ask for.
	ClaimRules []int `json:"claimRules"`
	// AllKeys tells whether the client may be sent records of all keys.
	AllKeys bool   `json:"allKeys"`
	Reason  string `json:"reason"`
}

// judge answers whether a client would be let produce to a topic or consume from it, as the handshake decides it once
// the client is known. It knows the client by its name alone, without the claims of a token.
func (s *Server) judge(r *http.Request) (any, error) {
	q := parseQuery(r.URL.RawQuery)
	who := proxy.Identity{Principal: q.principal("subject")}
	writes := q.choice("operation", "consume", "produce") == "produce"
	f := flow{topic: q.topic(), writes: writes, client: proxy.ClientID(q.identifier("client", q.text("client")))}
	if group := q.identifier("group", q.text("group")); !writes {
		f.group = proxy.GroupID(group)
	}
	if e := q.err(); e != nil {
		return nil, e
	}
	if e := s.allowed(&f); e != nil {
		return verdict{ClaimRules: []int{}, Reason: "The settings do not: " + e.Error()}, nil
	}
	if s.Policy == nil {
		return verdict{Allowed: true, ClaimRules: []int{}, AllKeys: true, Reason: "There is no policy: whoever is let in may."}, nil
	}
	return judgeBy(s.Policy.Rules(), &who, policy.Use{Topic: f.topic, Write: writes, Group: string(f.group), Client: string(f.client)}), nil
}

func judgeBy(rules *policy.Rules, who *proxy.Identity, use policy.Use) verdict {
	first, byClaims := rules.Deciding(who, use)
	v := verdict{ClaimRules: append([]int{}, byClaims...), Reason: "No rule allows it."}
	if first < 0 {
		return v
	}
	v.Allowed, v.Rule, v.AllKeys = true, &first, use.Write || rules.Keys(who, use).All()
	v.Reason = fmt.Sprintf("rules[%d] allows it.", first)
	return v
}

// principal reads a principal as policies and the log name it, as in user:alice. Without one it is the anonymous one.
func (q *query) principal(name string) proxy.Principal {
	text := q.text(name)
	if text == "" || text == (proxy.Principal{}).String() {
		return proxy.Principal{}
	}
	for _, method := range []proxy.Method{proxy.MethodUser, proxy.MethodToken, proxy.MethodCert, proxy.MethodKafka} {
		if who, ok := strings.CutPrefix(text, string(method)+":"); ok && who != "" {
			return proxy.Principal{Method: method, Name: who}
		}
	}
	q.fault(name, "must be user:, token:, cert: or kafka: with a name, or anonymous.")
	return proxy.Principal{}
}
