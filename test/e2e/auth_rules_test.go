package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/crypto/bcrypt"
)

// series returns the lines of a metric.
func (p *proxy) series(t *testing.T, name string) string {
	t.Helper()
	var lines []string
	for line := range strings.SplitSeq(p.manage(t, "/metrics").body, "\n") {
		if strings.HasPrefix(line, name) {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "\n")
}

// file is one that a proxy reads again.
type file struct {
	t    *testing.T
	path string
}

func newFile(t *testing.T, content string) file {
	t.Helper()
	f := file{t, filepath.Join(t.TempDir(), "file")}
	f.write(content)
	return f
}

// write replaces the content at once.
func (f file) write(content string) {
	f.t.Helper()
	if err := os.WriteFile(f.path+".new", []byte(content), 0o600); err != nil {
		f.t.Fatal(err)
	}
	if err := os.Rename(f.path+".new", f.path); err != nil {
		f.t.Fatal(err)
	}
}

// htpasswd is a line of a file of users.
func htpasswd(t *testing.T, user, password string) string {
	t.Helper()
	hash, err := bcrypt.GenerateFromPassword([]byte(password), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	return user + ":" + string(hash) + "\n"
}

func TestThePolicyHoldsForOpenSockets(t *testing.T) {
	t.Parallel()
	onFake(t, func(t *testing.T, k *cluster) {
		kept, lost := k.topic(t, 4), k.topic(t, 4)
		rule := func(topics string) string {
			return `rules: [{subjects: [alice], produce: [` + topics + `], consume: [` + topics + `]}]`
		}
		policy := newFile(t, rule(kept+", "+lost))
		p := k.start(t, "BASIC_AUTH_ENABLED=true", "BASIC_AUTH_USERNAME=alice", "BASIC_AUTH_PASSWORD=sesame", "AUTHZ_POLICY_FILE="+policy.path)
		alice := basic("alice", "sesame")
		stays := p.dialAs(t, alice, k.path("/socket/in", kept))
		in := p.dialAs(t, alice, k.path("/socket/in", lost))
		out := p.dialAs(t, alice, k.path("/socket/out", lost))
		policy.write("rules: [{subjects: [alice], produces: [x]}]")
		eventually(t, "the faulty file is noticed", func() bool {
			return strings.HasSuffix(p.series(t, `wsproxy_reload_errors_total{file="WSPROXY_AUTHZ_POLICY_FILE"}`), " 1")
		})
		for _, c := range []*client{stays, in} {
			c.send(`{"value":{"value":"v"}}`)
			c.ack()
		}
		policy.write(rule(kept))
		in.ended(4403)
		out.ended(4403)
		stays.send(`{"value":{"value":"v"}}`)
		stays.ack()
		for _, socket := range []string{"/socket/in", "/socket/out"} {
			if got := p.upgrade(t, k.path(socket, lost), "Authorization", alice); got.status != 403 {
				t.Errorf("a new client: got %d %s", got.status, got.body)
			}
			c := p.dialAs(t, alice, addQuery(k.path(socket, lost), "handshakeErrors=close"))
			c.refusal("NOT_AUTHORIZED")
			c.ended(4403)
		}
	})
}

func TestUsersAreReadAgain(t *testing.T) {
	t.Parallel()
	onFake(t, func(t *testing.T, k *cluster) {
		users := newFile(t, htpasswd(t, "alice", "a"))
		p := k.start(t, "BASIC_AUTH_ENABLED=true", "BASIC_AUTH_HTPASSWD_FILE="+users.path)
		lets := func(user, password string) bool {
			return p.get(t, "/healthcheck", "Authorization", basic(user, password)).status == 200
		}
		if !lets("alice", "a") || lets("alice", "b") || lets("bob", "b") {
			t.Error("the file is not what counts")
		}
		users.write("alice:plain\n")
		eventually(t, "the faulty file is noticed", func() bool {
			return strings.HasSuffix(p.series(t, `wsproxy_reload_errors_total{file="WSPROXY_BASIC_AUTH_HTPASSWD_FILE"}`), " 1")
		})
		if !lets("alice", "a") {
			t.Error("a faulty file has taken the users away")
		}
		users.write(htpasswd(t, "alice", "new") + htpasswd(t, "bob", "b"))
		eventually(t, "the new users are let in", func() bool { return lets("bob", "b") })
		if !lets("alice", "new") || lets("alice", "a") {
			t.Error("alice still has her old password")
		}
	})
}

// TestAnotherSubjectCannotTakeOver the place of a client with the same ids.
func TestAnotherSubjectCannotTakeOver(t *testing.T) {
	t.Parallel()
	onFake(t, func(t *testing.T, k *cluster) {
		i, topic := newIssuer(t), k.topic(t, 1)
		p := k.start(t, i.settings("KAFKA_PRODUCER_SESSIONS_ENABLED=true", "PRODUCER_EXACTLY_ONCE_ENABLED=true")...)
		for _, socket := range []string{"/socket/in?instanceId=i", "/socket/in?instanceId=t&transactional=true", "/socket/out"} {
			path := k.path(socket, topic) + "&onConflict=takeover"
			first := p.dialAs(t, "Bearer "+i.token("alice", nil), path)
			if got := p.upgrade(t, path, "Authorization", "Bearer "+i.token("mallory", nil)); got.status != 409 {
				t.Errorf("mallory got %d %s", got.status, got.body)
			}
			second := p.dialAs(t, "Bearer "+i.token("alice", nil), path)
			first.ended(4409)
			second.close()
		}
	})
}

func TestRefusalsByClosing(t *testing.T) {
	t.Parallel()
	onFake(t, func(t *testing.T, k *cluster) {
		i, topic := newIssuer(t), k.topic(t, 1)
		p := k.start(t, i.settings()...)
		for _, socket := range []string{"/socket/in", "/socket/out"} {
			path := addQuery(k.path(socket, topic), "handshakeErrors=close")
			for name, offers := range map[string][]string{
				"nothing": nil, "nothing but the subprotocol": {"wsproxy.v1"}, "garbage": {"wsproxy.v1", "wsproxy.bearer.garbage"},
			} {
				c := p.dialAs(t, "", path, offers...)
				c.refusal("NOT_AUTHENTICATED")
				c.ended(4401)
				if got := c.conn.Subprotocol(); len(offers) > 0 && got != "wsproxy.v1" {
					t.Errorf("%s: the server selects %q", name, got)
				}
			}
			c := p.dialAs(t, "", path, "wsproxy.v1", "wsproxy.bearer."+i.token("alice", nil))
			if got := c.conn.Subprotocol(); got != "wsproxy.v1" {
				t.Errorf("the server selects %q", got)
			}
			c.close()
		}
	})
}
