package session

import (
	"strings"
	"testing"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

func user(name string) proxy.Principal {
	return proxy.Principal{Method: proxy.MethodUser, Name: name}
}

func token(name string) proxy.Principal {
	return proxy.Principal{Method: proxy.MethodToken, Name: name}
}

// TestWhoTakesOver has principals claim to take over from another claim in the log, as replicas of
// this version and of earlier ones write it.
func TestWhoTakesOver(t *testing.T) {
	earlier := func(name string) proxy.Principal { return proxy.Principal{Name: name} }
	for name, test := range map[string]struct {
		holder, newcomer proxy.Principal
		takes            bool
	}{
		"the same user":                               {user("alice"), user("alice"), true},
		"another user":                                {user("alice"), user("mallory"), false},
		"the same name by another method":             {user("alice"), token("alice"), false},
		"a token whose name looks like a user":        {user("alice"), token("user:alice"), false},
		"anybody from anybody":                        {proxy.Principal{}, proxy.Principal{}, true},
		"a user from anybody":                         {proxy.Principal{}, user("alice"), false},
		"anybody from a user":                         {user("alice"), proxy.Principal{}, false},
		"a Kafka user from anybody":                   {proxy.Principal{}, proxy.Principal{Method: proxy.MethodKafka, Name: "bob"}, false},
		"a user from an earlier version's record":     {earlier("alice"), user("alice"), true},
		"a token from an earlier version's record":    {earlier("alice"), token("alice"), true},
		"another user from an earlier version's":      {earlier("alice"), user("mallory"), false},
		"an earlier version's from this one's record": {user("alice"), earlier("alice"), true},
		"anybody from an earlier version's":           {earlier("alice"), proxy.Principal{}, false},
		"names that differ in an invisible letter":    {user("alice"), user("alice\u200b"), false},
		"names that are read from right to left":      {user("אליס"), user("אליס"), true},
	} {
		s := newStory()
		s.at(0, claimOf("1", "a", func(c *claim) {
			c.State, c.Asked, c.Subject, c.Method = admitted, s.ms(0), test.holder.Name, test.holder.Method
		}))
		s.at(1, claimOf("2", "a", func(c *claim) {
			c.Takes, c.Subject, c.Method = "1", test.newcomer.Name, test.newcomer.Method
		}))
		want := "1 holding, 2 refused"
		if test.takes {
			want = "1 holding, 2 reserved"
		}
		if got := s.standings(); got != want {
			t.Errorf("%s: the claims are %q, want %q", name, got, want)
		}
	}
}

// TestARefusalNamesTheHolderInTheLogAlone claims on the replica that has the session and on another one.
func TestARefusalNamesTheHolderInTheLogAlone(t *testing.T) {
	virtually(t, func(t *testing.T, _ *topic, a, b *Sessions) {
		t.Helper()
		of := func(p proxy.Principal) func(*Request) {
			return func(q *Request) { q.Principal = p }
		}
		a.mustClaim(t, consumer("one", of(user("alice"))), newConnection(true))
		for name, s := range map[string]*Sessions{"here": a, "elsewhere": b} {
			for _, claimant := range []proxy.Principal{user("mallory"), user("alice")} { // refused at once, and by a probe
				_, e := s.claimIn(t, consumer("one", of(claimant)))
				if e == nil || e.Kind != proxy.KindDuplicateClient {
					t.Fatalf("%s, %s: got %v", name, claimant, e)
				}
				if !strings.Contains(e.Error(), "user:alice") || strings.Contains(e.Message, "alice") {
					t.Errorf("%s, %s: the log has %q, the client %q", name, claimant, e.Error(), e.Message)
				}
			}
		}
		if list := b.List(); len(list) != 1 || list[0].Subject != "user:alice" {
			t.Errorf("the sessions are %+v", list)
		}
	})
}
