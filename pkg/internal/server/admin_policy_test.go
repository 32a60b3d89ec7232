package server

import (
	"encoding/json"
	"net/url"
	"reflect"
	"testing"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/config"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/policy"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// judged asks the admin API of a server for a verdict, by parameters given as name, value, name, value.
func judged(t *testing.T, s *Server, parameters ...string) verdict {
	t.Helper()
	q := url.Values{}
	for i := 0; i < len(parameters); i += 2 {
		q.Set(parameters[i], parameters[i+1])
	}
	answer := ask(s.Management(), "GET", "/admin/policy/check?"+q.Encode())
	var v verdict
	if err := json.Unmarshal(answer.Body.Bytes(), &v); err != nil || answer.Code != 200 {
		t.Fatalf("%v: got %d %s", parameters, answer.Code, answer.Body)
	}
	return v
}

// TestThePolicyIsAskedWithItsRules asks what clients may do, and by which rule.
func TestThePolicyIsAskedWithItsRules(t *testing.T) {
	s := newServer(t, &config.Config{Server: config.Server{AdminEndpointEnabled: true}})
	s.Policy = policy.NewFile("policy.yaml")
	err := s.Policy.Use([][]byte{[]byte(`rules:
  - {subjects: [alice], produce: [orders], consume: [orders], groups: ["ops-*"]}
  - {claims: {role: [auditor]}, consume: ["*"]}
  - {subjects: ["user:*"], consume: [prices], keys: ["{subject}"]}
  - {subjects: ["token:alice"], consume: [orders], clients: [page]}`)})
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		asks    []string
		rule    int // -1 for none
		claims  []int
		allKeys bool
	}{
		"a topic":               {[]string{"subject", "user:alice", "topic", "orders", "operation", "produce"}, 0, []int{}, true},
		"any group":             {[]string{"subject", "user:alice", "topic", "orders"}, 0, []int{1}, true},
		"a group":               {[]string{"subject", "user:alice", "topic", "orders", "group", "ops-1"}, 0, []int{1}, true},
		"another group":         {[]string{"subject", "user:alice", "topic", "orders", "group", "dev"}, -1, []int{1}, false},
		"a later rule":          {[]string{"subject", "token:alice", "topic", "orders", "group", "dev", "client", "page"}, 3, []int{1}, true},
		"keys":                  {[]string{"subject", "user:bob", "topic", "prices"}, 2, []int{1}, false},
		"another method":        {[]string{"subject", "cert:bob", "topic", "prices"}, -1, []int{1}, false},
		"nobody":                {[]string{"topic", "prices"}, -1, []int{1}, false},
		"a name with a star":    {[]string{"subject", "user:*", "topic", "orders", "operation", "produce"}, -1, []int{}, false},
		"a topic of the proxy":  {[]string{"subject", "user:alice", "topic", "_wsproxy.x"}, -1, []int{}, false},
		"producing to no topic": {[]string{"subject", "user:alice", "topic", "prices", "operation", "produce"}, -1, []int{}, false},
	} {
		v := judged(t, s, test.asks...)
		rule := -1
		if v.Rule != nil {
			rule = *v.Rule
		}
		if rule != test.rule || v.Allowed != (test.rule >= 0) || !reflect.DeepEqual(v.ClaimRules, test.claims) || v.AllKeys != test.allKeys || v.Reason == "" {
			t.Errorf("%s: got %+v, rule %d", name, v, rule)
		}
	}
}

func TestWithoutAPolicyEverybodyMay(t *testing.T) {
	s := newServer(t, &config.Config{Server: config.Server{AdminEndpointEnabled: true}})
	if v := judged(t, s, "topic", "t"); !v.Allowed || v.Rule != nil || !v.AllKeys {
		t.Errorf("got %+v", v)
	}
	for query, kind := range map[string]proxy.Kind{
		"":                          proxy.KindMissingParameter,
		"topic=t&subject=alice":     proxy.KindInvalidParameter,
		"topic=t&subject=user:":     proxy.KindInvalidParameter,
		"topic=t&subject=admin:ops": proxy.KindInvalidParameter,
		"topic=t&operation=read":    proxy.KindInvalidParameter,
		"topic=.":                   proxy.KindInvalidParameter,
	} {
		checkError(t, ask(s.Management(), "GET", "/admin/policy/check?"+query), kind)
	}
}
