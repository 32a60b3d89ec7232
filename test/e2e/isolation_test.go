package e2e

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// tenantRules is the policy that docs/security.md shows for installations with many tenants.
const tenantRules = `
rules:
  - subjects: ["user:*"]
    produce: ["{subject}.*"]
    consume: ["{subject}.*"]
    clients: ["{subject}-*"]
    groups: ["{subject}-*"]
  - subjects: ["user:root"]
    admin: true
`

// tenancy is a proxy for tenants. No other tenant may affect one of them, alice.
type tenancy struct {
	*proxy
	k             *cluster
	log           *shout
	tokens        *issuer
	alices, evils string // topics: hers, and one of mallory's
	attackers     map[string]string
}

func newTenancy(t *testing.T, k *cluster) *tenancy {
	t.Helper()
	state, tokens := shared.run+"."+unique("tenants"), newIssuer(t)
	users := newFile(t, htpasswd(t, "alice", "a")+htpasswd(t, "mallory", "m")+htpasswd(t, "*", "s")+htpasswd(t, "[a-z]*", "b")+htpasswd(t, "root", "r"))
	p, log := startShouting(t, k.addr, tokens.settings(
		"BASIC_AUTH_ENABLED=true", "BASIC_AUTH_HTPASSWD_FILE="+users.path, "AUTHZ_POLICY_FILE="+newFile(t, tenantRules).path,
		"PING_INTERVAL=10m", // alice's client does not read while she is attacked
		"KAFKA_PRODUCER_SESSIONS_ENABLED=true", "PRODUCER_EXACTLY_ONCE_ENABLED=true", "MAX_CONNECTIONS_PER_SUBJECT=4",
		"ADMIN_ENDPOINT_ENABLED=true", "DYNAMIC_CONFIG_HANDLER_ENABLED=true", "DYNAMIC_CONFIG_TOPIC_NAME="+state, "SESSION_STATE_TOPIC="+state+".sessions"))
	p.awaitReady(t, true)
	return &tenancy{
		proxy: p, k: k, log: log, tokens: tokens,
		alices: k.named(t, "alice."+unique("tenant"), 1), evils: k.named(t, "mallory."+unique("tenant"), 1),
		attackers: map[string]string{
			"user:mallory": basic("mallory", "m"),
			"user:*":       basic("*", "s"),
			"user:[a-z]*":  basic("[a-z]*", "b"),
			"token:alice":  "Bearer " + tokens.token("alice", nil),
		},
	}
}

// socketAttacks are handshakes of other principals for alice's topics, groups and clients, by their
// target.
func (n *tenancy) socketAttacks() map[string]string {
	path := func(socket string, parameters ...string) string {
		q := make(url.Values)
		for _, p := range parameters {
			name, value, _ := strings.Cut(p, "=")
			q.Set(name, value)
		}
		return socket + "?" + q.Encode()
	}
	hers, own := "topic="+n.alices, "topic="+n.evils
	return map[string]string{
		"read her records":                     path("/socket/out", hers, "clientId=mallory-1", "groupId=mallory-g"),
		"read and commit in her group":         path("/socket/out", hers, "clientId=mallory-1", "groupId=alice-g"),
		"commit in her group by hand":          path("/socket/out", hers, "clientId=mallory-1", "groupId=alice-g", "autoCommit=false"),
		"join her group with another topic":    path("/socket/out", own, "clientId=mallory-1", "groupId=alice-g"),
		"join her group in other letters":      path("/socket/out", own, "clientId=mallory-1", "groupId=Alice-g"),
		"join a group that only looks so":      path("/socket/out", own, "clientId=mallory-1", "groupId=\u202ealice-g"),
		"squat on her place":                   path("/socket/out", own, "clientId=alice-1", "groupId=alice-g"),
		"squat on her client id":               path("/socket/out", own, "clientId=alice-1", "groupId=mallory-g"),
		"squat on her default group":           path("/socket/out", own, "clientId=alice-1"),
		"take over her place":                  path("/socket/out", hers, "clientId=alice-1", "groupId=alice-g", "onConflict=takeover"),
		"write into her topic":                 path("/socket/in", hers, "clientId=mallory-1", "instanceId=1"),
		"squat on her producer":                path("/socket/in", own, "clientId=alice-1", "instanceId=1"),
		"take over her producer":               path("/socket/in", own, "clientId=alice-1", "instanceId=1", "onConflict=takeover"),
		"fence her transactions":               path("/socket/in", own, "clientId=alice-1", "instanceId=1", "transactional=true", "onConflict=takeover"),
		"use up the limit of her producers":    path("/socket/in", own, "clientId=alice-1", "instanceId=2"),
		"a glob for a group":                   path("/socket/out", own, "clientId=mallory-1", "groupId=*-g"),
		"a client id of the policy's own text": path("/socket/out", own, "clientId={subject}-1", "groupId={subject}-g"),
	}
}

// adminAttacks are requests to the admin API, as method and path.
func (n *tenancy) adminAttacks(session string) [][2]string {
	return [][2]string{
		{http.MethodGet, "/admin/sessions"},
		{http.MethodDelete, "/admin/sessions/" + url.PathEscape(session)},
		{http.MethodGet, "/admin/consumer-group/all"},
		{http.MethodGet, "/admin/consumer-group/alice-g/describe"},
		{http.MethodGet, "/admin/consumer-group/alice-g/offsets"},
		{http.MethodDelete, "/admin/consumer-group/alice-g/offsets"},
		{http.MethodPut, "/admin/consumer-group/alice-g/offsets/alter/" + n.alices},
		{http.MethodGet, "/admin/topics"},
		{http.MethodGet, "/admin/topics/" + n.alices},
		{http.MethodGet, "/admin/client/config"},
		{http.MethodDelete, "/admin/client/config"},
		{http.MethodPut, "/admin/client/config/consumer/alice-g"},
		{http.MethodPost, "/admin/client/config/producer/alice-1"},
		{http.MethodGet, "/admin/kafka/info"},
	}
}

// TestTenantsAreIsolated lets every other principal try to use alice's topics, groups and clients, while
// she is connected and while she is not. Each attempt is refused by 403, and is in the log with its
// principal.
func TestTenantsAreIsolated(t *testing.T) {
	t.Parallel()
	onFake(t, func(t *testing.T, k *cluster) {
		n := newTenancy(t, k)
		alice := basic("alice", "a")
		in := "/socket/in?clientId=alice-1&instanceId=1&transactional=true&topic=" + n.alices
		out := "/socket/out?clientId=alice-1&groupId=alice-g&autoCommit=false&topic=" + n.alices
		writer, reader := n.dialAs(t, alice, in), n.dialAs(t, alice, out)
		session := n.asRoot(t)[0].ID
		attempts := 0
		attack := func(when string) {
			for who, header := range n.attackers {
				for what, path := range n.socketAttacks() {
					if got := n.upgrade(t, path, "Authorization", header); got.status != 403 {
						t.Errorf("%s, %s wants to %s: got %d %s", when, who, what, got.status, got.body)
					}
					attempts++
				}
				for _, a := range n.adminAttacks(session) {
					if got := n.admin(t, a[0], a[1], "{}", "Authorization", header); got.status != 403 {
						t.Errorf("%s, %s %s %s: got %d %s", when, who, a[0], a[1], got.status, got.body)
					}
				}
			}
		}
		attack("while she is connected")
		writer.send(`{"value":{"value":"hers"}}`)
		writer.ack()
		got := reader.delivery()
		if string(got.Value.Value) != `"hers"` {
			t.Errorf("alice reads %s", got.Value.Value)
		}
		reader.send(`{"wsProxyMessageId":` + quoted(got.ID) + `}`)
		eventually(t, "it is committed", func() bool { return k.committed(t, "alice-g", n.alices)[0] == 1 })
		writer.close()
		reader.close()
		eventually(t, "her places are free", func() bool { return len(n.asRoot(t)) == 0 })
		attack("while she is away")
		if got := k.committed(t, "alice-g", n.alices)[0]; got != 1 {
			t.Errorf("what is committed in her group is %d", got)
		}
		back := n.dialAs(t, alice, in)
		again := n.dialAs(t, alice, out)
		back.send(`{"value":{"value":"more"}}`)
		back.ack()
		if got := again.delivery(); string(got.Value.Value) != `"more"` {
			t.Errorf("alice reads %s", got.Value.Value)
		}
		n.checkLog(t, attempts)
	})
}

// asRoot lists the sessions.
func (n *tenancy) asRoot(t *testing.T) []sessionEntry {
	t.Helper()
	return parse[[]sessionEntry](t, n.admin(t, http.MethodGet, "/admin/sessions", "", "Authorization", basic("root", "r")).body)
}

// checkLog finds all refused handshakes in the log, with their subjects.
func (n *tenancy) checkLog(t *testing.T, attempts int) {
	t.Helper()
	logged := 0
	for line := range strings.SplitSeq(n.log.String(), "\n") {
		if !strings.Contains(line, "handshake refused") {
			continue
		}
		for who := range n.attackers {
			if strings.Contains(line, "subject="+who+" ") && strings.Contains(line, "clientId=") {
				logged++
			}
		}
	}
	if logged != attempts {
		t.Errorf("%d of %d attempts are in the log with their subject", logged, attempts)
	}
}

// TestATenantUsesUpItsOwnPlacesAlone checks that a tenant at its connection limit does not affect another
// tenant.
func TestATenantUsesUpItsOwnPlacesAlone(t *testing.T) {
	t.Parallel()
	onFake(t, func(t *testing.T, k *cluster) {
		n := newTenancy(t, k)
		mallory := basic("mallory", "m")
		path := func(who, topic, number string) string {
			return "/socket/in?instanceId=" + number + "&clientId=" + who + "-1&topic=" + topic
		}
		var all []*client
		for _, number := range []string{"1", "2", "3", "4"} {
			all = append(all, n.dialAs(t, mallory, path("mallory", n.evils, number)))
		}
		if got := n.upgrade(t, path("mallory", n.evils, "5"), "Authorization", mallory); got.status != 429 || got.failure(t).Code != "LIMIT_REACHED" {
			t.Errorf("a fifth connection: got %d %s", got.status, got.body)
		}
		again := n.dialAs(t, mallory, path("mallory", n.evils, "1")+"&onConflict=takeover") // needs no place of its own
		all[0].ended(4409)
		n.dialAs(t, basic("alice", "a"), path("alice", n.alices, "1")).close()
		all[3].close()
		eventually(t, "a place is free", func() bool {
			return n.upgrade(t, path("mallory", n.evils, "6"), "Authorization", mallory).status == 101
		})
		again.close()
	})
}

// TestOneNameByTwoMethods are two owners of sessions, also where a policy knows names alone. A takeover
// never evicts the holder of the session, and the log has both principals.
func TestOneNameByTwoMethods(t *testing.T) {
	t.Parallel()
	onFake(t, func(t *testing.T, k *cluster) {
		i, topic := newIssuer(t), k.topic(t, 1)
		p, log := startShouting(t, k.addr, i.settings("BASIC_AUTH_ENABLED=true", "BASIC_AUTH_USERNAME=alice", "BASIC_AUTH_PASSWORD=sesame",
			"PING_INTERVAL=10m", // alice's client does not read while she is attacked
			"KAFKA_PRODUCER_SESSIONS_ENABLED=true", "PRODUCER_EXACTLY_ONCE_ENABLED=true"))
		p.awaitReady(t, true)
		user, token := basic("alice", "sesame"), "Bearer "+i.token("alice", nil)
		for _, socket := range []string{"/socket/in?instanceId=i", "/socket/in?instanceId=t&transactional=true", "/socket/out"} {
			for _, conflict := range []string{"", "&onConflict=takeover", "&onConflict=reject"} {
				path := k.path(socket, topic) + conflict
				holder := p.dialAs(t, user, path)
				if got := p.upgrade(t, path, "Authorization", token); got.status != 409 || strings.Contains(got.body, "user:") {
					t.Errorf("%s: got %d %s", path, got.status, got.body)
				}
				eventually(t, "the log has both", func() bool {
					text := log.String()
					return strings.Contains(text, "subject=token:alice") && strings.Contains(text, `the session is held by \"user:alice\"`)
				})
				holder.close()
			}
		}
	})
}
