package e2e

import (
	"fmt"
	"testing"
	"time"
)

// both are the sockets, with what else they need.
func both() map[string]string {
	return map[string]string{"in": "/socket/in", "out": "/socket/out", "in, Avro": "/socket/in?socketPayload=avro", "out, Avro": "/socket/out?socketPayload=avro"}
}

// path completes the path of a socket.
func (k *cluster) path(socket, topic string) string {
	return addQuery(socket, "topic="+topic+"&clientId="+unique("client")+"&groupId="+k.group())
}

func addQuery(path, query string) string {
	for _, c := range path {
		if c == '?' {
			return path + "&" + query
		}
	}
	return path + "?" + query
}

func TestSocketsEndWithTheirToken(t *testing.T) {
	t.Parallel()
	onFake(t, func(t *testing.T, k *cluster) {
		i, topic := newIssuer(t), k.topic(t, 4)
		p := k.start(t, i.settings()...)
		for name, socket := range both() {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				end := time.Now().Add(4 * time.Second).Truncate(time.Second)
				c := p.dialAs(t, "Bearer "+i.until("alice", end), k.path(socket, topic))
				before := c.ended(4401)
				if early := time.Until(end); early > 0 {
					t.Errorf("it ended %s early", early)
				}
				if n := len(before); n != 1 || parse[answer](t, before[0]).Error.Code != "NOT_AUTHENTICATED" {
					t.Errorf("before its end came %q", before)
				}
			})
		}
	})
}

func TestTokensAreRenewed(t *testing.T) {
	t.Parallel()
	onFake(t, func(t *testing.T, k *cluster) {
		i, topic := newIssuer(t), k.topic(t, 4)
		p := k.start(t, i.settings()...)
		for name, socket := range both() {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				end := time.Now().Add(8 * time.Second)
				c := p.dialAs(t, "Bearer "+i.until("alice", end), k.path(socket, topic))
				next := time.Now().Add(time.Hour).Truncate(time.Second)
				c.send(renewal(i.until("alice", next)))
				if got, want := c.read(), fmt.Sprintf(`{"auth":{"expiresAt":%d}}`, next.UnixMilli()); got != want {
					t.Errorf("got %s, want %s", got, want)
				}
				eventually(t, "the first token has expired", func() bool { return time.Now().After(end.Add(time.Second)) })
				c.send(renewal(i.token("alice", nil)))
				c.read()
				c.send(renewal(i.token("mallory", nil)))
				c.refusal("NOT_AUTHENTICATED")
				c.ended(4401)
			})
		}
	})
}

func TestBadRenewalsEndTheSocket(t *testing.T) {
	t.Parallel()
	onFake(t, func(t *testing.T, k *cluster) {
		i, topic := newIssuer(t), k.topic(t, 1)
		p := k.start(t, i.settings()...)
		for name, message := range map[string]string{
			"expired":         renewal(i.until("alice", time.Now().Add(-time.Minute))),
			"garbage":         renewal("garbage"),
			"another's":       renewal(i.token("alice", map[string]any{"aud": "other"})),
			"no token at all": `{"auth":{}}`,
		} {
			for _, socket := range []string{"/socket/in", "/socket/out"} {
				c := p.dialAs(t, "Bearer "+i.token("alice", nil), k.path(socket, topic))
				c.transcript.sentAside()
				if err := c.conn.Write(t.Context(), 1, []byte(message)); err != nil {
					t.Fatal(err)
				}
				failure := c.refusal("NOT_AUTHENTICATED")
				if len(failure.Message) > 200 {
					t.Errorf("%s: it says %q", name, failure.Message)
				}
				c.ended(4401)
			}
		}
	})
}

// TestRenewalsByUnknownKeysLeaveTheSocketOpen, since the key may be new.
func TestRenewalsByUnknownKeysLeaveTheSocketOpen(t *testing.T) {
	t.Parallel()
	onFake(t, func(t *testing.T, k *cluster) {
		i, topic := newIssuer(t), k.topic(t, 2)
		foreign := newIssuer(t).token("alice", map[string]any{"iss": i.URL()})
		p := k.start(t, i.settings()...)
		for _, socket := range []string{"/socket/in", "/socket/out"} {
			c := p.dialAs(t, "Bearer "+i.token("alice", nil), k.path(socket, topic))
			p.upgrade(t, k.path(socket, topic), "Authorization", "Bearer "+foreign) // the keys are then not fetched again for a while
			c.send(renewal(foreign))
			if failure := c.refusal("OVERLOADED"); !failure.Retriable {
				t.Errorf("%s: it says %+v", socket, failure)
			}
			next := time.Now().Add(2 * time.Hour).Truncate(time.Second)
			c.send(renewal(i.until("alice", next)))
			if got, want := c.read(), fmt.Sprintf(`{"auth":{"expiresAt":%d}}`, next.UnixMilli()); got != want {
				t.Errorf("%s: got %s, want %s", socket, got, want)
			}
			c.close()
		}
	})
}

// TestRevokedKeysEndSockets withdraws the key of open sockets.
func TestRevokedKeysEndSockets(t *testing.T) {
	t.Parallel()
	onFake(t, func(t *testing.T, k *cluster) {
		i, topic := newIssuer(t), k.topic(t, 2)
		p := k.start(t, i.settings("OPENID_REVALIDATION_INTERVAL=1s")...)
		revoked := "Bearer " + i.token("alice", nil)
		in := p.dialAs(t, revoked, k.path("/socket/in", topic))
		out := p.dialAs(t, revoked, k.path("/socket/out", topic))
		i.rotate()
		in.ended(4401)
		out.ended(4401)
		if got := p.upgrade(t, k.path("/socket/in", topic), "Authorization", revoked); got.status != 401 {
			t.Errorf("the revoked token: got %d %s", got.status, got.body)
		}
		p.dialAs(t, "Bearer "+i.token("alice", nil), k.path("/socket/in", topic)).close()
	})
}

// TestTheProviderIsDown at start, and later, when its keys are kept.
func TestTheProviderIsDown(t *testing.T) {
	t.Parallel()
	onFake(t, func(t *testing.T, k *cluster) {
		i, topic := newIssuer(t), k.topic(t, 2)
		i.setDown(true)
		p := k.start(t, i.settings("OPENID_REVALIDATION_INTERVAL=1s")...) // and is ready
		bearer := []string{"Authorization", "Bearer " + i.token("alice", nil)}
		got := p.upgrade(t, k.path("/socket/in", topic), bearer...)
		if f := got.failure(t); got.status != 503 || f.Code != "OVERLOADED" || got.header.Get("Retry-After") == "" {
			t.Errorf("while it is down: got %d %s", got.status, got.body)
		}
		i.setDown(false)
		eventually(t, "tokens are taken", func() bool {
			return p.get(t, "/kafka/cluster/info", bearer...).status == 200
		})
		i.setDown(true)
		c := p.dialAs(t, bearer[1], k.path("/socket/in", topic))
		failures := p.series(t, "wsproxy_auth_total")
		if failures == "" {
			t.Error("nothing was counted")
		}
		c.send(`{"value":{"value":"v"}}`)
		c.ack()
		c.close()
	})
}

func TestTheProviderIsDownForTooLong(t *testing.T) {
	t.Parallel()
	onFake(t, func(t *testing.T, k *cluster) {
		i, topic := newIssuer(t), k.topic(t, 1)
		p := k.start(t, i.settings("OPENID_REVALIDATION_INTERVAL=1s", "OPENID_REVALIDATION_ERRORS_LIMIT=1")...)
		c := p.dialAs(t, "Bearer "+i.token("alice", nil), k.path("/socket/in", topic))
		i.setDown(true)
		c.ended(4401)
	})
}
