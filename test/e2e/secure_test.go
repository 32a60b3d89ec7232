package e2e

import (
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/wsproxy/kafka-websocket-proxy/test/kafka"
)

// secure is a Kafka that authenticates its clients, and a provider whose tokens both Kafka and the
// proxies accept.
type secure struct {
	*kafka.Secure
	t        *testing.T
	provider string // URL
}

func secureKafka(t *testing.T) secure {
	t.Helper()
	s := secure{Secure: kafka.RequireSecure(t), t: t}
	keys, err := s.JWKS()
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/keys" {
			_, _ = w.Write(keys)
			return
		}
		_ = json.NewEncoder(w).Encode(map[string]string{"issuer": kafka.TokenIssuer, "jwks_uri": s.provider + "/keys"})
	}))
	t.Cleanup(server.Close)
	s.provider = server.URL
	return s
}

// start runs a proxy that is the administrator of Kafka.
func (s secure) start(settings ...string) *proxy {
	s.t.Helper()
	p := startProxy(s.t, s.Addr(), s.settings(settings...)...)
	s.t.Cleanup(p.app.Shutdown)
	p.awaitReady(s.t, true)
	return p
}

// settings are those of such a proxy.
func (s secure) settings(more ...string) []string {
	return append([]string{
		"KAFKA_SECURITY_PROTOCOL=SASL_SSL", "KAFKA_SSL_CA_FILE=" + s.CAFile(), "KAFKA_SASL_MECHANISM=SCRAM-SHA-256",
		"KAFKA_SASL_USERNAME=" + kafka.Admin, "KAFKA_SASL_PASSWORD=" + kafka.Password(kafka.Admin),
	}, more...)
}

// openID returns the settings of a proxy that accepts the provider's tokens.
func (s secure) openID(more ...string) []string {
	return append([]string{"OPENID_ENABLED=true", "OPENID_WELLKNOWN=" + s.provider + "/.well-known/openid-configuration"}, more...)
}

// topic makes a topic that alice may use, in the group of the same name.
func (s secure) topic() string {
	s.t.Helper()
	topic := shared.run + "." + unique("secure")
	err := s.MakeTopic(s.t.Context(), topic, 8)
	if err == nil {
		err = s.AllowTopic(s.t.Context(), kafka.Alice, topic, kadm.OpRead, kadm.OpWrite)
	}
	if err == nil {
		err = s.AllowGroup(s.t.Context(), kafka.Alice, topic, kadm.OpRead)
	}
	if err != nil {
		s.t.Fatal(err)
	}
	return topic
}

// token returns a token with claims in addition to those that Kafka requires.
func (s secure) token(user string, life time.Duration, more map[string]any) string {
	s.t.Helper()
	claims := map[string]any{"iss": kafka.TokenIssuer, "aud": kafka.TokenAudience, "sub": user, "iat": time.Now().Unix(), "exp": time.Now().Add(life).Unix()}
	maps.Copy(claims, more)
	text, err := s.SignToken(claims)
	if err != nil {
		s.t.Fatal(err)
	}
	return text
}

func kafkaAuth(user, password string) []string {
	return []string{"X-Kafka-Auth", base64.StdEncoding.EncodeToString([]byte(user + ":" + password))}
}

// kafkaOffer is the same for browsers.
func kafkaOffer(user, password string) string {
	return "wsproxy.kafka." + base64.RawURLEncoding.EncodeToString([]byte(user+":"+password))
}

func secureIn(topic string) string { return target("/socket/in", topic, nil) }

func secureOut(topic, group string) string {
	return target("/socket/out", topic, []string{"groupId=" + group})
}

// TestWhoMayDoWhatInKafka is the table of identities, actions and outcomes, seen from outside.
func TestWhoMayDoWhatInKafka(t *testing.T) {
	t.Parallel()
	s := secureKafka(t)
	topic := s.topic()
	forbidden := topic + "-forbidden"
	if err := s.MakeTopic(t.Context(), forbidden, 1); err != nil {
		t.Fatal(err)
	}
	plain := s.start()
	tokens := s.start(s.openID("JWT_KAFKA_USERNAME_KEY=kafka_user", "JWT_KAFKA_PASSWORD_KEY=kafka_password", "KAFKA_OAUTH_PASSTHROUGH=true")...)
	required := s.start("KAFKA_CLIENT_AUTH_REQUIRED=true")
	bearer := func(user string, more map[string]any) []string {
		return []string{"Authorization", "Bearer " + s.token(user, time.Hour, more)}
	}
	claims := func(user, password string) []string {
		return bearer("somebody", map[string]any{"kafka_user": user, "kafka_password": password})
	}
	eventually(t, "the rights are in force", func() bool {
		return plain.upgrade(t, secureOut(topic, topic), kafkaAuth(kafka.Alice, kafka.Password(kafka.Alice))...).status == 101
	})

	type outcomes struct{ produce, elsewhere, missing, consume, otherGroup int }
	var (
		all     = outcomes{101, 101, 400, 101, 101}
		alice   = outcomes{101, 403, 403, 101, 403}
		nothing = outcomes{403, 403, 403, 403, 403}
		refused = outcomes{401, 401, 401, 401, 401}
	)
	for name, test := range map[string]struct {
		proxy   *proxy
		headers []string
		want    outcomes
	}{
		"nothing of its own":             {plain, nil, all},
		"password of alice":              {plain, kafkaAuth(kafka.Alice, kafka.Password(kafka.Alice)), alice},
		"password of bob":                {plain, kafkaAuth(kafka.Bob, kafka.Password(kafka.Bob)), nothing},
		"wrong password":                 {plain, kafkaAuth(kafka.Alice, "wrong"), refused},
		"wrong password of the proxy":    {plain, kafkaAuth(kafka.Admin, "wrong"), refused},
		"unknown user":                   {plain, kafkaAuth("mallory", "x"), refused},
		"malformed":                      {plain, []string{"X-Kafka-Auth", "alice"}, refused},
		"nothing where it is required":   {required, nil, refused},
		"password where it is required":  {required, kafkaAuth(kafka.Alice, kafka.Password(kafka.Alice)), alice},
		"claims of alice":                {tokens, claims(kafka.Alice, kafka.Password(kafka.Alice)), alice},
		"claims with a wrong password":   {tokens, claims(kafka.Alice, "wrong"), refused},
		"token of alice":                 {tokens, bearer(kafka.Alice, nil), alice},
		"token of bob":                   {tokens, bearer(kafka.Bob, nil), nothing},
		"token that Kafka does not take": {tokens, bearer(kafka.Alice, map[string]any{"aud": "other"}), refused},
		"no token":                       {tokens, nil, refused},
		"password without a token":       {tokens, kafkaAuth(kafka.Alice, kafka.Password(kafka.Alice)), refused},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for what, action := range map[string]struct {
				path string
				want int
			}{
				"produce":               {secureIn(topic), test.want.produce},
				"produce elsewhere":     {secureIn(forbidden), test.want.elsewhere},
				"produce where none is": {secureIn(topic + "-missing"), test.want.missing},
				"consume":               {secureOut(topic, topic), test.want.consume},
				"consume in a group":    {secureOut(topic, unique("other")), test.want.otherGroup},
			} {
				var got response
				eventually(t, "an answer while partitions are taken", func() bool {
					got = test.proxy.upgrade(t, action.path, test.headers...)
					return got.status != 429
				})
				if got.status != action.want {
					t.Errorf("%s: got %d %s, want %d", what, got.status, got.body, action.want)
				}
				if got.status == 401 && got.header.Get("WWW-Authenticate") == "" {
					t.Errorf("%s: a 401 without WWW-Authenticate", what)
				}
			}
		})
	}
}

// TestClientsUseTheirOwnRights sends and receives with the client's own rights, until they are revoked.
func TestClientsUseTheirOwnRights(t *testing.T) {
	t.Parallel()
	s := secureKafka(t)
	p := s.start(s.openID("KAFKA_OAUTH_PASSTHROUGH=true")...)
	plain := s.start()
	token := "Bearer " + s.token(kafka.Alice, time.Hour, nil)
	offers := []string{"wsproxy.v1", kafkaOffer(kafka.Alice, kafka.Password(kafka.Alice))}
	for name, dial := range map[string]func(t *testing.T, path string) *client{
		"a password": func(t *testing.T, path string) *client { t.Helper(); return plain.dialAs(t, "", path, offers...) },
		"a token":    func(t *testing.T, path string) *client { t.Helper(); return p.dialAs(t, token, path) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := secure{s.Secure, t, s.provider} // of this subtest
			topic := s.topic()
			eventually(t, "the rights are in force", func() bool {
				headers := kafkaAuth(kafka.Alice, kafka.Password(kafka.Alice))
				return plain.upgrade(t, secureOut(topic, topic), headers...).status == 101
			})
			in, out := dial(t, secureIn(topic)), dial(t, secureOut(topic, topic))
			in.send(`{"value":{"value":"x"}}`)
			if got := parse[answer](t, in.read()); got.Error != nil {
				t.Fatalf("got %+v", got.Error)
			}
			if got := parse[delivery](t, out.read()); got.Topic != topic {
				t.Errorf("got %+v", got)
			}
			if err := s.ForbidTopic(t.Context(), kafka.Alice, topic, kadm.OpRead, kadm.OpWrite); err != nil {
				t.Fatal(err)
			}
			in.ended(4403)
			out.ended(4403)
		})
	}
}

// TestWrongKafkaCredentialsAreToldAtOnce logs how long it takes: an answer after the time for
// lookups would be 503.
func TestWrongKafkaCredentialsAreToldAtOnce(t *testing.T) {
	t.Parallel()
	s := secureKafka(t)
	p, topic := s.start(), s.topic()
	for _, path := range []string{secureIn(topic), secureOut(topic, topic)} {
		began := time.Now()
		if got := p.upgrade(t, path, kafkaAuth(kafka.Alice, "wrong")...); got.status != 401 || got.failure(t).Code != "NOT_AUTHENTICATED" {
			t.Errorf("got %d %s", got.status, got.body)
		}
		t.Logf("told after %v", time.Since(began))
	}
}

// TestRenewedTokensReachKafka uses sockets for longer than the token that they were opened with is valid.
func TestRenewedTokensReachKafka(t *testing.T) {
	t.Parallel()
	s := secureKafka(t)
	// The clients do not read while they wait for the end of the first token.
	p, topic, other := s.start(s.openID("KAFKA_OAUTH_PASSTHROUGH=true", "PING_INTERVAL=10m")...), s.topic(), s.topic()
	long := s.token(kafka.Alice, time.Hour, nil)
	// The same clients ask and read: a client that disconnects before Kafka has admitted it to the group
	// stays a member until its session times out, unless it comes back.
	reading, trialReading := secureOut(topic, topic), secureOut(other, other)
	for _, path := range []string{reading, secureIn(topic), trialReading, secureIn(other)} {
		eventually(t, "the rights are in force", func() bool {
			return p.upgrade(t, path, "Authorization", "Bearer "+long).status == 101
		})
	}
	began := time.Now()
	trialIn, trialOut := p.dialAs(t, "Bearer "+long, secureIn(other)), p.dialAs(t, "Bearer "+long, trialReading)
	trialIn.send(`{"value":{"value":"x"}}`)
	trialIn.ack()
	trialOut.read()
	trialIn.close()
	trialOut.close()
	// The first token must not end before it is replaced, on a machine of any speed.
	end := time.Now().Add(max(10*time.Second, 10*time.Since(began)))
	short := "Bearer " + s.token(kafka.Alice, time.Until(end), nil)
	in, out := p.dialAs(t, short, secureIn(topic)), p.dialAs(t, short, reading)
	exchange := func() {
		t.Helper()
		in.send(`{"value":{"value":"x"}}`)
		if got := parse[answer](t, in.read()); got.Error != nil {
			t.Fatalf("got %+v", got.Error)
		}
		if got := parse[delivery](t, out.read()); got.Error != nil || got.Topic != topic {
			t.Fatalf("got %+v, %+v", got, got.Error)
		}
	}
	exchange()
	for _, c := range []*client{in, out} {
		c.send(renewal(long))
		if got := c.read(); got == "" || got[:8] != `{"auth":` {
			t.Fatalf("got %s", got)
		}
	}
	exchange()
	eventuallyWithin(t, time.Until(end)+patience, "the end of the first token", func() bool { return time.Since(end) > time.Second })
	exchange()
}
