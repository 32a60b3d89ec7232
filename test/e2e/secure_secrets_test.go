package e2e

import (
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/test/certs"
	"github.com/wsproxy/kafka-websocket-proxy/test/kafka"
)

// sayAll records the answers of the management listener.
func (p *proxy) sayAll(t *testing.T, said io.Writer) {
	t.Helper()
	for _, path := range []string{"/metrics", "/readyz", "/admin/sessions", "/admin/client/config", "/admin/kafka/info"} {
		got := p.manage(t, path)
		fmt.Fprintln(said, got.status, got.header, got.body)
	}
}

// TestSecretsForKafkaAreNotTold puts secrets into the proxy's settings and into all Kafka credentials of
// clients, and searches all output of the proxy for them.
func TestSecretsForKafkaAreNotTold(t *testing.T) {
	t.Parallel()
	s := secureKafka(t)
	topic := s.topic()
	const planted = "pl4nted-s3cret"
	cert, key := certs.NewAuthority(t).Server(t).Write(t, t.TempDir())
	p, log := startShouting(t, s.Addr(), s.settings(s.openID(
		"JWT_KAFKA_USERNAME_KEY=kafka_user", "JWT_KAFKA_PASSWORD_KEY=kafka_password", "KAFKA_OAUTH_PASSTHROUGH=true",
		"SSL_ENABLED=true", "SSL_BIND_INTERFACE=127.0.0.1", "SSL_PORT=0", "SSL_CERT_FILE="+cert, "SSL_KEY_FILE="+key,
		"ADMIN_SSL_ENABLED=false", "ADMIN_ENDPOINT_ENABLED=true",
		"ADMIN_BASIC_AUTH_USERNAME=admin", "ADMIN_BASIC_AUTH_PASSWORD="+planted+"-admin",
		"KAFKA_SSL_CERT_FILE="+s.CertFile(kafka.Admin), "KAFKA_SSL_KEY_FILE="+s.KeyFile(kafka.Admin),
	)...))
	p.awaitReady(t, true)

	token := s.token(kafka.Alice, time.Hour, nil)
	refused := s.token(kafka.Alice, time.Hour, map[string]any{"aud": "other"})
	claims := s.token("somebody", time.Hour, map[string]any{"kafka_user": kafka.Alice, "kafka_password": kafka.Password(kafka.Alice)})
	wrong := s.token("somebody", time.Hour, map[string]any{"kafka_user": kafka.Alice, "kafka_password": planted})
	secrets := []string{planted, base64.StdEncoding.EncodeToString([]byte(kafka.Alice + ":" + planted))}
	for _, user := range []string{kafka.Admin, kafka.Alice} {
		secrets = append(secrets, kafka.Password(user), base64.StdEncoding.EncodeToString([]byte(kafka.Password(user))))
	}
	for _, one := range []string{token, refused, claims, wrong} {
		secrets = append(secrets, one[len(one)-40:])
	}
	for _, path := range []string{key, s.KeyFile(kafka.Admin)} {
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		secrets = append(secrets, strings.Split(string(content), "\n")[1])
	}

	var said strings.Builder
	for _, headers := range [][]string{
		{"Authorization", "Bearer " + token},
		{"Authorization", "Bearer " + refused},
		{"Authorization", "Bearer " + claims},
		{"Authorization", "Bearer " + wrong},
		append(kafkaAuth(kafka.Alice, planted), "Authorization", "Bearer "+token),
		kafkaAuth(kafka.Alice, planted),
		{"X-Kafka-Auth", planted},
		{"Authorization", "Bearer " + token, "Sec-WebSocket-Protocol", "wsproxy.v1, " + kafkaOffer(kafka.Alice, planted)},
	} {
		for _, path := range []string{secureIn(topic), secureOut(topic, topic), secureIn(topic + "-missing"), secureOut(topic, "other")} {
			got := p.upgrade(t, path, headers...)
			fmt.Fprintln(&said, got.status, got.header, got.body)
		}
	}
	c := p.dialAs(t, "Bearer "+token, secureIn(topic))
	c.send(`{"value":{"value":"x"}}`, renewal(s.token(kafka.Alice, 2*time.Hour, nil)), `{"value":{"value":"x"}}`)
	fmt.Fprintln(&said, c.read(), c.read(), c.read())
	p.sayAll(t, &said)
	c.close()
	p.app.Shutdown()
	log.checkHolds(t, "level=DEBUG", "handshake refused", "socket opened")
	checkUntold(t, log, said.String(), secrets)
}

// TestTokensOfTheProxyAreNotTold makes a token endpoint refuse the proxy with an answer that repeats the
// request, and Kafka refuse a token from a file.
func TestTokensOfTheProxyAreNotTold(t *testing.T) {
	t.Parallel()
	s := secureKafka(t)
	const planted = "pl4nted-s3cret"
	endpoint := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = r.ParseForm()
		w.WriteHeader(http.StatusUnauthorized)
		fmt.Fprintln(w, `{"error":"invalid_client","error_description":"`+r.Header.Get("Authorization")+r.Form.Encode()+planted+`"}`)
	}))
	t.Cleanup(endpoint.Close)
	stale := s.token(kafka.Admin, -2*time.Minute, nil)
	for name, test := range map[string]struct {
		settings []string
		secrets  []string
	}{
		"from an endpoint": {
			[]string{"KAFKA_SASL_OAUTH_TOKEN_URL=" + endpoint.URL, "KAFKA_SASL_OAUTH_CLIENT_ID=id", "KAFKA_SASL_OAUTH_CLIENT_SECRET=" + planted},
			[]string{planted, basic("id", planted)[6:]},
		},
		"from a file": {[]string{"KAFKA_SASL_OAUTH_TOKEN_FILE=" + newFile(t, stale).path}, []string{stale[len(stale)-40:]}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, log := startShouting(t, s.Addr(), append([]string{
				"KAFKA_SECURITY_PROTOCOL=SASL_SSL", "KAFKA_SSL_CA_FILE=" + s.CAFile(), "KAFKA_SASL_MECHANISM=OAUTHBEARER",
				"ADMIN_ENDPOINT_ENABLED=true",
			}, test.settings...))
			eventually(t, "the refusal is noticed", func() bool { return strings.Contains(log.String(), "no broker answers") })
			var said strings.Builder
			p.sayAll(t, &said)
			got := p.upgrade(t, secureIn("t"))
			fmt.Fprintln(&said, got.status, got.header, got.body)
			if got.status != 503 {
				t.Errorf("a handshake without Kafka gives %d", got.status)
			}
			p.app.Shutdown()
			checkUntold(t, log, said.String(), test.secrets)
		})
	}
}
