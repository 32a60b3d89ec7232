package kafka

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl"
	"github.com/twmb/franz-go/pkg/sasl/oauth"
	"github.com/twmb/franz-go/pkg/sasl/plain"
	"github.com/twmb/franz-go/pkg/sasl/scram"
)

func TestSecureBrokerTakesItsUsers(t *testing.T) {
	t.Parallel()
	s := RequireSecure(t)
	ctx := deadline(t)
	topic := secureTopic(ctx, t, s)
	must(t, s.AllowTopic(ctx, Alice, topic, kadm.OpRead, kadm.OpWrite))
	token, err := s.Token(Alice, time.Hour)
	must(t, err)
	expired, err := s.Token(Alice, -2*time.Minute)
	must(t, err)
	bearer := func(token string) sasl.Mechanism { return oauth.Auth{Token: token}.AsMechanism() }
	password := Password(Alice)
	for name, c := range map[string]struct {
		login sasl.Mechanism
		taken bool
	}{
		"PLAIN":                    {plain.Auth{User: Alice, Pass: password}.AsMechanism(), true},
		"PLAIN, wrong":             {plain.Auth{User: Alice, Pass: "x"}.AsMechanism(), false},
		"SCRAM-SHA-256":            {scram.Auth{User: Alice, Pass: password}.AsSha256Mechanism(), true},
		"SCRAM-SHA-256, wrong":     {scram.Auth{User: Alice, Pass: "x"}.AsSha256Mechanism(), false},
		"SCRAM-SHA-512":            {scram.Auth{User: Alice, Pass: password}.AsSha512Mechanism(), true},
		"OAUTHBEARER":              {bearer(token), true},
		"OAUTHBEARER, expired":     {bearer(expired), false},
		"OAUTHBEARER, not ours":    {bearer(token[:len(token)-8] + "AAAAAAAA"), false},
		"OAUTHBEARER, not a token": {bearer("x"), false},
	} {
		for protocol, options := range map[string][]kgo.Opt{
			"SASL_SSL":       {kgo.SeedBrokers(s.Addr()), kgo.DialTLSConfig(s.security.clientTLS())},
			"SASL_PLAINTEXT": {kgo.SeedBrokers(s.PlaintextAddr())},
		} {
			t.Run(protocol+" "+name, func(t *testing.T) {
				t.Parallel()
				checkProduces(ctx, t, topic, c.taken, append(options, kgo.SASL(c.login))...)
			})
		}
	}
}

func TestSecureBrokerTakesClientCertificates(t *testing.T) {
	t.Parallel()
	s := RequireSecure(t)
	ctx := deadline(t)
	topic := secureTopic(ctx, t, s)
	must(t, s.AllowTopic(ctx, Alice, topic, kadm.OpWrite))
	for user, allowed := range map[string]bool{Alice: true, Bob: false} {
		certificate, err := tls.LoadX509KeyPair(s.CertFile(user), s.KeyFile(user))
		must(t, err)
		settings := s.security.clientTLS()
		settings.Certificates = []tls.Certificate{certificate}
		checkProduces(ctx, t, topic, allowed, kgo.SeedBrokers(s.CertificateAddr()), kgo.DialTLSConfig(settings))
	}
	checkProduces(ctx, t, topic, false, kgo.SeedBrokers(s.CertificateAddr()), kgo.DialTLSConfig(s.security.clientTLS()))
}

func TestSecureBrokerEnforcesACLs(t *testing.T) {
	t.Parallel()
	s := RequireSecure(t)
	ctx := deadline(t)
	topic := secureTopic(ctx, t, s)
	bob, err := s.Client(Bob)
	must(t, err)
	defer bob.Close()
	try := func() error { return bob.ProduceSync(ctx, &kgo.Record{Topic: topic}).FirstErr() }
	if err := try(); !errors.Is(err, kerr.TopicAuthorizationFailed) {
		t.Errorf("before it is allowed: %v", err)
	}
	must(t, s.AllowTopic(ctx, Bob, topic, kadm.OpWrite))
	until(ctx, t, func() bool { return try() == nil })
	must(t, s.ForbidTopic(ctx, Bob, topic, kadm.OpWrite))
	until(ctx, t, func() bool { return errors.Is(try(), kerr.TopicAuthorizationFailed) })
}

func TestSecureBrokerTakesTheLatestPassword(t *testing.T) {
	t.Parallel()
	changePasswords(t, RequireSecure(t), func(context.Context) error { return nil })
}

func TestLongSecureBrokerKeepsWhatItKnowsOverARestart(t *testing.T) {
	s := RequireOwnSecure(t, Options{})
	changePasswords(t, s, s.Restart)
}

// changePasswords gives a new user rights and passwords, and does something to the broker after the first.
func changePasswords(t *testing.T, s *Secure, do func(context.Context) error) {
	t.Helper()
	ctx := deadline(t)
	topic := secureTopic(ctx, t, s)
	must(t, s.AllowTopic(ctx, "carol", topic, kadm.OpWrite))
	must(t, s.SetPassword(ctx, "carol", "first"))
	login := func(password string) []kgo.Opt {
		return []kgo.Opt{kgo.SeedBrokers(s.PlaintextAddr()), kgo.SASL(scram.Auth{User: "carol", Pass: password}.AsSha256Mechanism())}
	}
	must(t, do(ctx))
	checkProduces(ctx, t, topic, true, login("first")...)
	must(t, s.SetPassword(ctx, "carol", "second"))
	until(ctx, t, func() bool { return produces(ctx, topic, login("first")...) != nil })
	checkProduces(ctx, t, topic, true, login("second")...)
	must(t, s.RemovePassword(ctx, "carol"))
	until(ctx, t, func() bool { return produces(ctx, topic, login("second")...) != nil })
}

// checkProduces checks whether a client with these options can write to a topic. ACLs take a
// moment.
func checkProduces(ctx context.Context, t *testing.T, topic string, want bool, options ...kgo.Opt) {
	t.Helper()
	if !want {
		if produces(ctx, topic, options...) == nil {
			t.Error("it was taken")
		}
		return
	}
	until(ctx, t, func() bool { return produces(ctx, topic, options...) == nil })
}

// produces asks a broker for its topics first: franz-go would try a wrong password until the
// record is too old.
func produces(ctx context.Context, topic string, options ...kgo.Opt) error {
	client, err := kgo.NewClient(append(options, kgo.RequestRetries(0))...)
	if err != nil {
		return err
	}
	defer client.Close()
	if err := client.Ping(ctx); err != nil {
		return fmt.Errorf("asking for topics: %w", err)
	}
	return client.ProduceSync(ctx, &kgo.Record{Topic: topic, Value: []byte("value")}).FirstErr()
}

func until(ctx context.Context, t *testing.T, holds func() bool) {
	t.Helper()
	for !holds() {
		if err := pause(ctx, readyPollInterval); err != nil {
			t.Fatal("waited in vain")
		}
	}
}

func secureTopic(ctx context.Context, t *testing.T, s *Secure) string {
	t.Helper()
	topic := fmt.Sprintf("%s-%d", strings.ReplaceAll(t.Name(), "/", "-"), time.Now().UnixNano())
	must(t, s.MakeTopic(ctx, topic, 1))
	return topic
}
