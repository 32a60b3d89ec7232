package e2e

import (
	"encoding/base64"
	"net/http"
	"regexp"
	"testing"

	"github.com/twmb/franz-go/pkg/kfake"
)

// TestKafkaUsersOwnTheirPlaces checks that Kafka users own their sessions although the proxy itself does
// not authenticate them: Kafka does, before they get anything.
func TestKafkaUsersOwnTheirPlaces(t *testing.T) {
	t.Parallel()
	broker, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(4, "t"), kfake.EnableSASL(),
		kfake.Superuser("PLAIN", "admin", "admin"), kfake.Superuser("PLAIN", "alice", "a"), kfake.Superuser("PLAIN", "bob", "b"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(broker.Close)
	p, log := startShouting(t, broker.ListenAddrs()[0], []string{
		"KAFKA_SECURITY_PROTOCOL=SASL_PLAINTEXT", "KAFKA_SASL_MECHANISM=PLAIN", "KAFKA_SASL_USERNAME=admin", "KAFKA_SASL_PASSWORD=admin",
		"KAFKA_CLIENT_AUTH_REQUIRED=true", "KAFKA_PRODUCER_SESSIONS_ENABLED=true", "PRODUCER_EXACTLY_ONCE_ENABLED=true",
		"SESSION_STATE_REPLICATION_FACTOR=1",
	})
	p.awaitReady(t, true)
	as := func(user, password string) string {
		return base64.StdEncoding.EncodeToString([]byte(user + ":" + password))
	}
	for _, socket := range []string{"/socket/in?instanceId=i", "/socket/in?instanceId=t&transactional=true", "/socket/out?groupId=g"} {
		path := socket + "&topic=t&clientId=c&onConflict=takeover"
		first := p.dialWith(t, http.Header{"X-Kafka-Auth": {as("alice", "a")}}, path)
		if got := p.upgrade(t, path, "X-Kafka-Auth", as("bob", "b")); got.status != 409 {
			t.Errorf("%s: bob got %d %s", socket, got.status, got.body)
		}
		if got := p.upgrade(t, path, "X-Kafka-Auth", as("alice", "b")); got.status != 401 {
			t.Errorf("%s: who only says to be alice got %d %s", socket, got.status, got.body)
		}
		second := p.dialWith(t, http.Header{"X-Kafka-Auth": {as("alice", "a")}}, path)
		first.ended(4409)
		second.close()
	}
	refused := regexp.MustCompile(`subject=kafka:bob .*code=DUPLICATE_CLIENT .*held by \\"kafka:alice\\"`)
	if text := log.String(); !refused.MatchString(text) {
		t.Errorf("the log does not tell who was refused, and for whom:\n%s", text)
	}
}
