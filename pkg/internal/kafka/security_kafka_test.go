package kafka

import (
	"fmt"
	"net/http"
	"path/filepath"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/config"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
	"github.com/wsproxy/kafka-websocket-proxy/test/kafka"
)

// TestMechanismsAndProtocols writes and reads with all that a real Kafka can be told to want.
func TestMechanismsAndProtocols(t *testing.T) {
	g := realGuarded(t)
	broker := g.real
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
	replaceFile(t, tokenPath, token+"\n")
	good := newIssuer(t, func(w http.ResponseWriter, _ int64) { writeToken(w, token, 3600) })
	bad := newIssuer(t, func(w http.ResponseWriter, _ int64) { writeToken(w, forged, 3600) })
	endpoint := func(url string) func(*config.Kafka) {
		return func(s *config.Kafka) {
			s.SASLUsername, s.SASLPassword, s.SASLMechanism = "", "", bearerMechanism
			s.SASLOAuthTokenURL, s.SASLOAuthClientID, s.SASLOAuthClientSecret = url, "client", "planted-client-secret"
		}
	}
	logins := map[string]struct{ right, wrong func(*config.Kafka) }{
		"OAUTHBEARER from an endpoint": {endpoint(good.URL), endpoint(bad.URL)},
		"OAUTHBEARER from a file": {
			func(s *config.Kafka) { s.SASLMechanism, s.SASLOAuthTokenFile = bearerMechanism, tokenPath },
			func(s *config.Kafka) {
				s.SASLMechanism, s.SASLOAuthTokenFile = bearerMechanism, filepath.Join(dir, "missing")
			},
		},
	}
	for _, mechanism := range []string{"PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"} {
		logins[mechanism] = struct{ right, wrong func(*config.Kafka) }{
			func(s *config.Kafka) { s.SASLMechanism = mechanism },
			func(s *config.Kafka) { s.SASLMechanism, s.SASLPassword = mechanism, "planted-wrong" },
		}
	}
	log, text := debugLog()
	for name, login := range logins {
		for protocol, address := range map[string]string{"SASL_SSL": broker.Addr(), "SASL_PLAINTEXT": broker.PlaintextAddr()} {
			t.Run(fmt.Sprintf("%s %s", protocol, name), func(t *testing.T) {
				settings := loginSettings(protocol, address, kafka.Admin)
				settings.SSLCAFile = broker.CAFile()
				login.right(&settings)
				checkWritesAndReads(t, g, proxyAs(t, &settings, log))
				login.wrong(&settings)
				checkNotReady(t, proxyAs(t, &settings, log))
			})
		}
	}
	certificates := func(user string) config.Kafka {
		s := loginSettings("SSL", broker.CertificateAddr(), kafka.Admin)
		s.SASLMechanism, s.SASLUsername, s.SASLPassword = "", "", ""
		s.SSLCAFile, s.SSLCertFile, s.SSLKeyFile = broker.CAFile(), broker.CertFile(user), broker.KeyFile(user)
		return s
	}
	t.Run("SSL with a certificate", func(t *testing.T) {
		checkWritesAndReads(t, g, proxyAs(t, new(certificates(kafka.Admin)), log))
		topics := watch(t, proxyAs(t, new(certificates(kafka.Bob)), log))
		if _, err := topics.OpenFor(deadline(t), Access{Topic: g.makeTopic(t)}); kindOf(err) != proxy.KindNotAuthorized {
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

func checkWritesAndReads(t *testing.T, g *guarded, c *Cluster) {
	t.Helper()
	if err := c.Ping(deadline(t)); err != nil {
		t.Fatal(err)
	}
	name := g.makeTopic(t)
	topic := opened(t, watch(t, c), Access{Topic: name, Operation: Produce})
	if _, err := produce(t, newPool(t, c).Open("c", topic), value("secured")); err != nil {
		t.Fatal(err)
	}
	if got := readAs(t, c, proxy.KafkaCredentials{}, name); got != "secured" {
		t.Errorf("read %q", got)
	}
}

// checkNotReady checks that a proxy which Kafka does not let in is not ready, and blames no
// client.
func checkNotReady(t *testing.T, c *Cluster) {
	t.Helper()
	if err := c.Ping(deadline(t)); err == nil {
		t.Error("a broker answers")
	}
	if _, err := watch(t, c).OpenFor(deadline(t), Access{Topic: "t"}); kindOf(err) != proxy.KindKafkaUnavailable {
		t.Errorf("got %v", err)
	}
}

// TestProxyWithTheRightsThatTheReadmeNames has a proxy that may do no more: its state, and
// a client's records.
func TestProxyWithTheRightsThatTheReadmeNames(t *testing.T) {
	g := realGuarded(t)
	if err := g.real.SetPassword(deadline(t), "least", kafka.Password("least")); err != nil {
		t.Fatal(err)
	}
	topic := g.makeTopic(t)
	state := "state-of-" + topic
	g.allow(t, acls("least", kadm.OpRead, kadm.OpWrite, kadm.OpCreate, kadm.OpDescribeConfigs).Topics(state))
	g.allow(t, acls("least", kadm.OpRead, kadm.OpWrite).Topics(topic))
	g.allow(t, acls("least", kadm.OpRead).Groups(topic))
	settings := loginSettings("SASL_SSL", g.real.Addr(), "least")
	settings.SSLCAFile = g.real.CAFile()
	c := proxyAs(t, &settings, quiet())
	topics := watch(t, c)
	awaitOpen(t, topics, Access{Topic: topic, Group: proxy.GroupID(topic)}, allowed) // the last ACL is in force
	notes := new(notebook)
	table, err := c.OpenTable(TableOptions{
		Name: "state", Topic: state, ReplicationFactor: 1, MinCompactionLag: time.Minute, LogAppendTime: true,
		AppendTimeout: patience, Handler: notes,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { table.Close(deadline(t)) })
	awaitReady(t, table)
	mustAdd(t, table, "a=1")
	awaitText(t, notes, "a=1")
	if _, err := produce(t, newPool(t, c).Open("c", opened(t, topics, Access{Topic: topic, Operation: Produce})), value("x")); err != nil {
		t.Fatal(err)
	}
	if got := readAs(t, c, proxy.KafkaCredentials{}, topic); got != "x" {
		t.Errorf("read %q", got)
	}
}
