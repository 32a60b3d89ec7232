package kafkatest

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl/plain"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/config"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
	"github.com/wsproxy/kafka-websocket-proxy/test/kafka"
)

// Guarded is a Kafka with authentication and ACLs, and the users admin, who may do everything, alice and
// bob.
type Guarded struct {
	Settings config.Kafka // of a proxy that logs in as admin
	Admin    *kadm.Client
	Client   *kgo.Client
	Real     *kafka.Secure // nil for kfake
}

// Guards returns the kinds of Kafka on which tests run.
func Guards() map[string]func(*testing.T) *Guarded {
	return map[string]func(*testing.T) *Guarded{"kfake": FakeGuarded, "Kafka": RealGuarded}
}

// FakeGuarded returns the embedded broker.
func FakeGuarded(t *testing.T) *Guarded {
	t.Helper()
	const mechanism = "PLAIN" // SCRAM is slow under -race
	broker, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.EnableSASL(), kfake.EnableACLs(),
		kfake.Superuser(mechanism, kafka.Admin, kafka.Password(kafka.Admin)),
		kfake.User(mechanism, kafka.Alice, kafka.Password(kafka.Alice)), kfake.User(mechanism, kafka.Bob, kafka.Password(kafka.Bob)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(broker.Close)
	login := plain.Auth{User: kafka.Admin, Pass: kafka.Password(kafka.Admin)}
	client, err := kgo.NewClient(kgo.SeedBrokers(broker.ListenAddrs()...), kgo.SASL(login.AsMechanism()))
	if err != nil {
		t.Fatal(err)
	}
	settings := LoginSettings("SASL_PLAINTEXT", broker.ListenAddrs()[0], kafka.Admin)
	settings.SASLMechanism = mechanism
	return newGuarded(t, client, &settings)
}

// RealGuarded returns an Apache Kafka.
func RealGuarded(t *testing.T) *Guarded {
	t.Helper()
	broker := kafka.RequireSecure(t)
	client, err := broker.Client(kafka.Admin)
	if err != nil {
		t.Fatal(err)
	}
	settings := LoginSettings("SASL_SSL", broker.Addr(), kafka.Admin)
	settings.SSLCAFile = broker.CAFile()
	g := newGuarded(t, client, &settings)
	g.Real = broker
	return g
}

func newGuarded(t *testing.T, client *kgo.Client, settings *config.Kafka) *Guarded {
	t.Helper()
	t.Cleanup(client.Close)
	return &Guarded{Settings: *settings, Admin: kadm.NewClient(client), Client: client}
}

// LoginSettings returns the settings of a proxy that logs in with SCRAM.
func LoginSettings(protocol, address, user string) config.Kafka {
	return config.Kafka{
		BootstrapHosts: []string{address}, SecurityProtocol: protocol,
		SASLMechanism: "SCRAM-SHA-256", SASLUsername: user, SASLPassword: config.Secret(kafka.Password(user)),
		ClientRequestTimeout: 10 * time.Second, ClientIdleTimeout: time.Hour,
		ProducerDeliveryTimeout: 10 * time.Second, ProducerCompressionType: "none", MaxProducerClients: 2,
	}
}

// MakeTopic creates a topic of one partition with a unique name.
func (g *Guarded) MakeTopic(t *testing.T) string {
	t.Helper()
	topic := fmt.Sprintf("%s-%d", strings.NewReplacer("/", "-", ",", "").Replace(t.Name()), time.Now().UnixNano())
	if _, err := g.Admin.CreateTopic(Deadline(t), 1, 1, nil, topic); err != nil {
		t.Fatal(err)
	}
	return topic
}

// ACLs begins an ACL for a user.
func ACLs(user string, what ...kadm.ACLOperation) *kadm.ACLBuilder {
	return kadm.NewACLs().Allow("User:" + user).AllowHosts().Operations(what...).ResourcePatternType(kadm.ACLPatternLiteral)
}

// Allow creates ACLs.
func (g *Guarded) Allow(t *testing.T, rules *kadm.ACLBuilder) {
	t.Helper()
	answers, err := g.Admin.CreateACLs(Deadline(t), rules)
	for _, answer := range answers {
		if err == nil {
			err = answer.Err
		}
	}
	if err != nil {
		t.Fatal(err)
	}
}

// Forbid deletes ACLs.
func (g *Guarded) Forbid(t *testing.T, rules *kadm.ACLBuilder) {
	t.Helper()
	answers, err := g.Admin.DeleteACLs(Deadline(t), rules)
	for _, answer := range answers {
		if err == nil {
			err = answer.Err
		}
	}
	if err != nil {
		t.Fatal(err)
	}
}

// User returns a user's credentials.
func User(name string) proxy.KafkaCredentials {
	return proxy.KafkaCredentials{Username: name, Password: kafka.Password(name)}
}
