package outside

import (
	"flag"
	"net/http"
	"testing"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/test/kafka"
	"github.com/wsproxy/kafka-websocket-proxy/test/provider"
)

// renewals is how long tokens are renewed.
var renewals = flag.Duration("renewals", 36*time.Second, "how long TestLongTypeScriptClientRenewsItsTokens has tokens renewed")

// newIssuer runs an OpenID provider until the test's end. It signs tokens that last for a time.
func newIssuer(t testing.TB) (address string, sign func(time.Duration) string) {
	t.Helper()
	p := provider.New(t)
	return p.URL(), func(lasts time.Duration) string { return p.Until("alice", time.Now().Add(lasts)) }
}

// TestLongTypeScriptClientRenewsItsTokens runs the client in Node and in a page with tokens that are valid for half a minute at most, while
// the proxy is killed and drained and the broker is restarted in turn. An hour of it, in which each happens every ten minutes:
//
//	go test ./test/outside -run TestLongTypeScriptClientRenews -renewals 1h -timeout 90m -v
func TestLongTypeScriptClientRenewsItsTokens(t *testing.T) {
	valid, calm := min(30*time.Second, *renewals/4), min(200*time.Second, *renewals/3)
	issuer, sign := newIssuer(t)
	home := newSite(t)
	home.routes.HandleFunc("/token", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(sign(valid))) })
	broker := kafka.RequireOwn(t, kafka.Options{})
	k := connect(t, broker.Addr())
	k.settings = []string{
		"WSPROXY_OPENID_ENABLED=true", "WSPROXY_OPENID_AUDIENCE=wsproxy", "WSPROXY_ALLOWED_ORIGINS=" + home.URL,
		"WSPROXY_OPENID_WELLKNOWN=" + issuer + "/.well-known/openid-configuration",
	}
	p := k.serve()
	link := relayTo(t, p.main)
	uses := func() use {
		return use{URL: "ws://" + link.addr(), Topic: k.compacted(3), Pace: 100, Tokens: home.URL + "/token"}
	}
	inPage, _ := home.inPage(t, uses(), *renewals+20*patience)
	clients := []*scripted{inNode(t, uses()), inPage}
	end := time.Now().Add(*renewals)
	for fault := 0; time.Now().Before(end); fault++ {
		renewFor(calm, clients)
		switch fault % 3 {
		case 0:
			p.Kill()
		case 1:
			p.terminate()
			p.exit(patience)
		case 2:
			for _, c := range clients {
				c.restarts++
			}
			must(t, broker.Restart(within(t, 2*patience)))
		}
		if p.Ended() {
			p = k.serve()
			link.lead(p.main)
		}
		for _, c := range clients {
			c.goesOn()
		}
	}
	for _, c := range clients {
		c.judge(k)
		t.Logf("%d tokens for %d connections, %d renewed", c.tokens, c.attempts, c.renewed())
		c.end()
	}
}

// renewFor lets time pass, and waits until each client has renewed as many tokens as it has connections.
func renewFor(length time.Duration, clients []*scripted) {
	end := time.Now().Add(length)
	for _, c := range clients {
		c.t.Helper()
		enough := c.renewed() + connectionsOfAClient
		awaitWithin(c.t, length+3*patience, "more tokens to be renewed", func() bool {
			for _, c := range clients {
				c.listen()
			}
			return c.renewed() >= enough && time.Now().After(end)
		})
	}
}

// renewed returns how many tokens were brought to connections that were open.
func (c *scripted) renewed() int { return c.tokens - c.attempts }
