package outside

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/wsproxy/kafka-websocket-proxy/test/kafka"
)

// TestLongATopicThatOnlyClientsSeeIsMadeAgain makes topics again that the proxy's own credentials do not
// show: it has to notice by those of the clients.
func TestLongATopicThatOnlyClientsSeeIsMadeAgain(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]func(*testing.T, *cluster){
		"autoCommit":  func(t *testing.T, k *cluster) { readRemade(t, k, true) },
		"own commits": func(t *testing.T, k *cluster) { readRemade(t, k, false) },
		"producer":    writeRemade,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, kafkaOfAlice(t))
		})
	}
}

// kafkaOfAlice is a Kafka whose topics alice may use, and proxies only with her credentials. Theirs are
// bob's, who may do nothing but keep the sessions.
func kafkaOfAlice(t *testing.T) *cluster {
	t.Helper()
	s := kafka.RequireSecure(t)
	k := connectBy(t, s.Addr(), func(more ...kgo.Opt) (*kgo.Client, error) { return s.Client(kafka.Admin, more...) })
	sessions := fmt.Sprintf("sessions-%d", time.Now().UnixNano())
	must(t, s.AllowTopic(t.Context(), kafka.Bob, sessions, kadm.OpAll))
	k.allow = func(topic string) {
		must(t, s.AllowTopic(t.Context(), kafka.Alice, topic, kadm.OpRead, kadm.OpWrite))
		must(t, s.AllowGroup(t.Context(), kafka.Alice, topic, kadm.OpRead))
	}
	k.settings = []string{
		"WSPROXY_KAFKA_SECURITY_PROTOCOL=SASL_SSL", "WSPROXY_KAFKA_SSL_CA_FILE=" + s.CAFile(), "WSPROXY_KAFKA_SASL_MECHANISM=SCRAM-SHA-256",
		"WSPROXY_KAFKA_SASL_USERNAME=" + kafka.Bob, "WSPROXY_KAFKA_SASL_PASSWORD=" + kafka.Password(kafka.Bob),
		"WSPROXY_SESSION_STATE_TOPIC=" + sessions,
	}
	login := base64.StdEncoding.EncodeToString([]byte(kafka.Alice + ":" + kafka.Password(kafka.Alice)))
	k.header = http.Header{"X-Kafka-Auth": {login}}
	return k
}
