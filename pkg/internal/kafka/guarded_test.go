package kafka

import (
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl/plain"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/config"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/metrics"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
	"github.com/wsproxy/kafka-websocket-proxy/test/kafka"
)

// guarded is a Kafka that asks who its clients are: the users admin, who may do everything, alice
// and bob.
type guarded struct {
	settings config.Kafka // of a proxy that is admin
	admin    *kadm.Client
	client   *kgo.Client
	real     *kafka.Secure // nil for kfake
}

// guards are what tests run on.
func guards() map[string]func(*testing.T) *guarded {
	return map[string]func(*testing.T) *guarded{"kfake": fakeGuarded, "Kafka": realGuarded}
}

func fakeGuarded(t *testing.T) *guarded {
	t.Helper()
	const mechanism = "PLAIN" // SCRAM costs much under -race
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
	settings := loginSettings("SASL_PLAINTEXT", broker.ListenAddrs()[0], kafka.Admin)
	settings.SASLMechanism = mechanism
	return newGuarded(t, client, &settings)
}

func realGuarded(t *testing.T) *guarded {
	t.Helper()
	broker := kafka.RequireSecure(t)
	client, err := broker.Client(kafka.Admin)
	if err != nil {
		t.Fatal(err)
	}
	settings := loginSettings("SASL_SSL", broker.Addr(), kafka.Admin)
	settings.SSLCAFile = broker.CAFile()
	g := newGuarded(t, client, &settings)
	g.real = broker
	return g
}

func newGuarded(t *testing.T, client *kgo.Client, settings *config.Kafka) *guarded {
	t.Helper()
	t.Cleanup(client.Close)
	return &guarded{settings: *settings, admin: kadm.NewClient(client), client: client}
}

// loginSettings are of a proxy that logs in with SCRAM.
func loginSettings(protocol, address, user string) config.Kafka {
	return config.Kafka{
		BootstrapHosts: []string{address}, SecurityProtocol: protocol,
		SASLMechanism: "SCRAM-SHA-256", SASLUsername: user, SASLPassword: config.Secret(kafka.Password(user)),
		ClientRequestTimeout: 10 * time.Second, ClientIdleTimeout: time.Hour,
		ProducerDeliveryTimeout: 10 * time.Second, ProducerCompressionType: "none", MaxProducerClients: 2,
	}
}

// proxyAs is a cluster as a proxy with these settings sees it.
func proxyAs(t *testing.T, settings *config.Kafka, log *slog.Logger) *Cluster {
	t.Helper()
	own := *settings
	c, err := Connect(&own, Environment{Log: log, Metrics: metrics.New(prometheus.NewRegistry(), metrics.Build{})})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// makeTopic makes a topic of one partition with a name of its own.
func (g *guarded) makeTopic(t *testing.T) string {
	t.Helper()
	topic := fmt.Sprintf("%s-%d", strings.NewReplacer("/", "-", ",", "").Replace(t.Name()), time.Now().UnixNano())
	if _, err := g.admin.CreateTopic(deadline(t), 1, 1, nil, topic); err != nil {
		t.Fatal(err)
	}
	return topic
}

func acls(user string, what ...kadm.ACLOperation) *kadm.ACLBuilder {
	return kadm.NewACLs().Allow("User:" + user).AllowHosts().Operations(what...).ResourcePatternType(kadm.ACLPatternLiteral)
}

func (g *guarded) allow(t *testing.T, rules *kadm.ACLBuilder) {
	t.Helper()
	answers, err := g.admin.CreateACLs(deadline(t), rules)
	for _, answer := range answers {
		if err == nil {
			err = answer.Err
		}
	}
	if err != nil {
		t.Fatal(err)
	}
}

func (g *guarded) forbid(t *testing.T, rules *kadm.ACLBuilder) {
	t.Helper()
	answers, err := g.admin.DeleteACLs(deadline(t), rules)
	for _, answer := range answers {
		if err == nil {
			err = answer.Err
		}
	}
	if err != nil {
		t.Fatal(err)
	}
}

// user are a user's credentials.
func user(name string) proxy.KafkaCredentials {
	return proxy.KafkaCredentials{Username: name, Password: kafka.Password(name)}
}

// awaitOpen waits until Kafka, whose ACLs take a moment, answers an access as wanted.
func awaitOpen(t *testing.T, topics *Topics, a Access, want proxy.Kind) {
	t.Helper()
	var kind proxy.Kind
	await(t, fmt.Sprintf("opening as %v gives %v", a.Credentials, want), func() bool {
		topic, err := topics.OpenFor(deadline(t), a)
		if kind = kindOf(err); err == nil {
			topic.Close()
		}
		return kind == want
	})
}

// opened opens a topic that is to be granted, maybe soon.
func opened(t *testing.T, topics *Topics, a Access) *Topic {
	t.Helper()
	var topic *Topic
	await(t, fmt.Sprintf("opening as %v", a.Credentials), func() (ok bool) {
		var err error
		topic, err = topics.OpenFor(deadline(t), a)
		return err == nil
	})
	t.Cleanup(topic.Close)
	return topic
}

// denial waits for the end of an access.
func denial(t *testing.T, topic *Topic) proxy.Kind {
	t.Helper()
	select {
	case <-topic.Denied():
		return topic.Denial().Kind
	case <-deadline(t).Done():
		t.Fatal("the access is not denied")
		return 0
	}
}

// debugLog logs everything, as the proxy does at its most talkative.
func debugLog() (*slog.Logger, *lockedText) {
	text := new(lockedText)
	return slog.New(slog.NewJSONHandler(text, &slog.HandlerOptions{Level: slog.LevelDebug})), text
}
