package cluster_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/config"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/cluster"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/kafkatest"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/table"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
	"github.com/wsproxy/kafka-websocket-proxy/test/kafka"
)

// TestMechanismsAndProtocols writes and reads with all mechanisms and protocols that a real Kafka can
// require.
func TestMechanismsAndProtocols(t *testing.T) {
	g := kafkatest.RealGuarded(t)
	broker := g.Real
	token, err := broker.Token(kafka.Admin, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	forged, err := broker.Token(kafka.Admin, -2*time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	tokenPath := filepath.Join(dir, "token")
	if err := os.WriteFile(tokenPath, []byte(token+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	good := issuerOf(t, token)
	bad := issuerOf(t, forged)
	endpoint := func(url string) func(*config.Kafka) {
		return func(s *config.Kafka) {
			s.SASLUsername, s.SASLPassword, s.SASLMechanism = "", "", cluster.BearerMechanism
			s.SASLOAuthTokenURL, s.SASLOAuthClientID, s.SASLOAuthClientSecret = url, "client", "planted-client-secret"
		}
	}
	logins := map[string]struct{ right, wrong func(*config.Kafka) }{
		"OAUTHBEARER from an endpoint": {endpoint(good.URL), endpoint(bad.URL)},
		"OAUTHBEARER from a file": {
			func(s *config.Kafka) { s.SASLMechanism, s.SASLOAuthTokenFile = cluster.BearerMechanism, tokenPath },
			func(s *config.Kafka) {
				s.SASLMechanism, s.SASLOAuthTokenFile = cluster.BearerMechanism, filepath.Join(dir, "missing")
			},
		},
	}
	for _, mechanism := range []string{"PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"} {
		logins[mechanism] = struct{ right, wrong func(*config.Kafka) }{
			func(s *config.Kafka) { s.SASLMechanism = mechanism },
			func(s *config.Kafka) { s.SASLMechanism, s.SASLPassword = mechanism, "planted-wrong" },
		}
	}
	log, text := kafkatest.DebugLog()
	for name, login := range logins {
		for protocol, address := range map[string]string{"SASL_SSL": broker.Addr(), "SASL_PLAINTEXT": broker.PlaintextAddr()} {
			t.Run(fmt.Sprintf("%s %s", protocol, name), func(t *testing.T) {
				settings := kafkatest.LoginSettings(protocol, address, kafka.Admin)
				settings.SSLCAFile = broker.CAFile()
				login.right(&settings)
				checkWritesAndReads(t, g, proxyAs(t, &settings, log))
				login.wrong(&settings)
				checkNotReady(t, proxyAs(t, &settings, log))
			})
		}
	}
	certificates := func(user string) config.Kafka {
		s := kafkatest.LoginSettings("SSL", broker.CertificateAddr(), kafka.Admin)
		s.SASLMechanism, s.SASLUsername, s.SASLPassword = "", "", ""
		s.SSLCAFile, s.SSLCertFile, s.SSLKeyFile = broker.CAFile(), broker.CertFile(user), broker.KeyFile(user)
		return s
	}
	t.Run("SSL with a certificate", func(t *testing.T) {
		checkWritesAndReads(t, g, proxyAs(t, new(certificates(kafka.Admin)), log))
		topics := watch(t, proxyAs(t, new(certificates(kafka.Bob)), log))
		if _, err := topics.OpenFor(kafkatest.Deadline(t), cluster.Access{Topic: g.MakeTopic(t)}); kafkatest.KindOf(err) != proxy.KindNotAuthorized {
			t.Errorf("with the certificate of another: %v", err)
		}
	})
	t.Run("SSL without what it needs", func(t *testing.T) {
		nameless, untrusted, misnamed := certificates(kafka.Admin), certificates(kafka.Admin), certificates(kafka.Admin)
		nameless.SSLCertFile, nameless.SSLKeyFile = "", ""
		untrusted.SSLCAFile = ""
		misnamed.SSLServerName = "elsewhere"
		for _, settings := range []config.Kafka{nameless, untrusted, misnamed} {
			checkNotReady(t, proxyAs(t, &settings, log))
		}
	})
	checkHoldsNone(t, text.String(), []string{"planted", token, forged, kafka.Password(kafka.Admin)})
	if t.Failed() {
		t.Log(text.String())
	}
}

func checkWritesAndReads(t *testing.T, g *kafkatest.Guarded, c *cluster.Cluster) {
	t.Helper()
	if err := c.Ping(kafkatest.Deadline(t)); err != nil {
		t.Fatal(err)
	}
	name := g.MakeTopic(t)
	topic := opened(t, watch(t, c), cluster.Access{Topic: name, Operation: cluster.Produce})
	if _, err := kafkatest.Produce(t, newPool(t, c).Open("c", topic), kafkatest.Value("secured")); err != nil {
		t.Fatal(err)
	}
	if got := readAs(t, c, proxy.KafkaCredentials{}, name); got != "secured" {
		t.Errorf("read %q", got)
	}
}

// checkNotReady checks that a proxy whose login Kafka refuses is not ready, and reports no error of the
// client.
func checkNotReady(t *testing.T, c *cluster.Cluster) {
	t.Helper()
	if err := c.Ping(kafkatest.Deadline(t)); err == nil {
		t.Error("a broker answers")
	}
	if _, err := watch(t, c).OpenFor(kafkatest.Deadline(t), cluster.Access{Topic: "t"}); kafkatest.KindOf(err) != proxy.KindKafkaUnavailable {
		t.Errorf("got %v", err)
	}
}

// issuerOf returns a token endpoint that always issues the same token.
func issuerOf(t *testing.T, token string) *httptest.Server {
	t.Helper()
	issuer := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = fmt.Fprintf(w, `{"access_token":%q,"token_type":"Bearer","expires_in":3600}`, token)
	}))
	t.Cleanup(issuer.Close)
	return issuer
}

// notes receives the entries that a table reads.
type notes chan string

// Restart implements table.Handler.
func (notes) Restart(string) {}

// Read implements table.Handler.
func (n notes) Read(_ int64, _ time.Time, key, value []byte) { n <- string(key) + "=" + string(value) }

// CaughtUp implements table.Handler.
func (notes) CaughtUp() {}

// TestProxyWithTheRightsThatTheReadmeNames uses a proxy with no more rights than these: for its state,
// and for a client's records.
func TestProxyWithTheRightsThatTheReadmeNames(t *testing.T) {
	g := kafkatest.RealGuarded(t)
	if err := g.Real.SetPassword(kafkatest.Deadline(t), "least", kafka.Password("least")); err != nil {
		t.Fatal(err)
	}
	topic := g.MakeTopic(t)
	stateTopic := "state-of-" + topic
	g.Allow(t, kafkatest.ACLs("least", kadm.OpRead, kadm.OpWrite, kadm.OpCreate, kadm.OpDescribeConfigs).Topics(stateTopic))
	g.Allow(t, kafkatest.ACLs("least", kadm.OpRead, kadm.OpWrite).Topics(topic))
	g.Allow(t, kafkatest.ACLs("least", kadm.OpRead).Groups(topic))
	settings := kafkatest.LoginSettings("SASL_SSL", g.Real.Addr(), "least")
	settings.SSLCAFile = g.Real.CAFile()
	c := proxyAs(t, &settings, kafkatest.QuietLog())
	topics := watch(t, c)
	awaitOpen(t, topics, cluster.Access{Topic: topic, Group: proxy.GroupID(topic)}, kafkatest.Allowed) // the last ACL is in force
	read := make(notes, 1)
	state, err := table.Open(c, table.Options{
		Name: "state", Topic: stateTopic, ReplicationFactor: 1, MinCompactionLag: time.Minute, LogAppendTime: true,
		AppendTimeout: kafkatest.Patience, Handler: read,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { state.Close(kafkatest.Deadline(t)) })
	kafkatest.Await(t, "the table", func() bool { return state.Ready() == nil })
	appended := make(chan error, 1)
	state.Append([]table.Record{{Key: []byte("a"), Value: []byte("1")}}, func(err error) { appended <- err })
	if err := <-appended; err != nil {
		t.Fatal(err)
	}
	if got := <-read; got != "a=1" {
		t.Errorf("the table holds %q", got)
	}
	if _, err := kafkatest.Produce(t, newPool(t, c).Open("c", opened(t, topics, cluster.Access{Topic: topic, Operation: cluster.Produce})), kafkatest.Value("x")); err != nil {
		t.Fatal(err)
	}
	if got := readAs(t, c, proxy.KafkaCredentials{}, topic); got != "x" {
		t.Errorf("read %q", got)
	}
}
