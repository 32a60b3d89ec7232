package kafka

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl/scram"
)

// The users of a secure broker. Each has the password that [Password] returns, with PLAIN and
// with SCRAM, a client certificate whose common name is the user's, and tokens by
// [Secure.Token].
const (
	Admin = "admin" // may do everything
	Alice = "alice" // may do what a test allows her
	Bob   = "bob"   // another such
)

func users() []string { return []string{Admin, Alice, Bob} }

// Password returns the password of a user.
func Password(user string) string { return user + "-secret" }

// Secure is a Kafka that wants to know who its clients are, and refuses what no ACL allows.
// It takes PLAIN, SCRAM-SHA-256, SCRAM-SHA-512 and OAUTHBEARER on two listeners, client
// certificates on a third.
type Secure struct {
	*Broker
	security *security
}

// RequireSecure returns the secure broker that the tests of this process share, as [Require]
// does for the plain one. Tests use topics and groups of their own, and allow their users those
// only.
func RequireSecure(t testing.TB) *Secure {
	t.Helper()
	b, err := sharedSecure.get()
	if err != nil {
		giveUp(t, err)
	}
	return b
}

// RequireOwnSecure is [RequireOwn] for a secure broker.
func RequireOwnSecure(t testing.TB, o Options) *Secure {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), requireTimeout)
	defer cancel()
	b, err := StartSecure(ctx, o)
	if err != nil {
		giveUp(t, err)
	}
	t.Cleanup(func() { closeAfter(t, b.Broker) })
	return b
}

// StartSecure is [Start] for a secure broker. Options.Port is that of the listener with
// SASL_SSL.
func StartSecure(ctx context.Context, o Options) (*Secure, error) {
	o, err := o.completed()
	if err != nil {
		return nil, fmt.Errorf("starting a secure Kafka: %w", err)
	}
	inst, err := installSecureBroker(ctx)
	if err != nil {
		return nil, err
	}
	run, err := newRunDir(ctx)
	if err != nil {
		return nil, err
	}
	s := &Secure{Broker: &Broker{run: run, node: newNode(inst, run, o)}}
	s.security, err = newSecurity(run.path)
	s.node.security = s.security
	if err == nil {
		err = s.start(ctx, o.Port)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("starting a secure Kafka %s: %w", BrokerVersion, err), s.Close())
	}
	return s, nil
}

// PlaintextAddr returns the address of the listener that takes logins unencrypted
// (SASL_PLAINTEXT). Addr is that of the same with TLS (SASL_SSL).
func (s *Secure) PlaintextAddr() string { return address(s.security.plaintextPort) }

// CertificateAddr returns the address of the listener that takes client certificates instead
// of logins (SSL).
func (s *Secure) CertificateAddr() string { return address(s.security.certificatePort) }

// CAFile names the PEM file with the CA of all certificates. That of the brokers is for
// 127.0.0.1 and localhost.
func (s *Secure) CAFile() string { return s.security.path(caFile) }

// CertFile names the PEM file with a user's client certificate.
func (s *Secure) CertFile(user string) string { return s.security.path(user + ".crt") }

// KeyFile names the PEM file with the key of a user's client certificate.
func (s *Secure) KeyFile(user string) string { return s.security.path(user + ".key") }

// Client returns a client of a user's own, which logs in with SCRAM over TLS.
func (s *Secure) Client(user string, more ...kgo.Opt) (*kgo.Client, error) {
	login := scram.Auth{User: user, Pass: Password(user)}
	client, err := kgo.NewClient(append([]kgo.Opt{
		kgo.SeedBrokers(s.Addr()), kgo.SASL(login.AsSha256Mechanism()), kgo.DialTLSConfig(s.security.clientTLS()),
	}, more...)...)
	if err != nil {
		return nil, fmt.Errorf("making a client of %s: %w", user, err)
	}
	return client, nil
}

// listeners returns where the broker listens, and which of that it tells clients.
func (s *security) listeners(client, controller string) (listeners, advertised string) {
	advertised = "SASL_SSL://" + client +
		",SASL_PLAINTEXT://" + address(s.plaintextPort) +
		",SSL://" + address(s.certificatePort) +
		",INTERNAL://" + address(s.internalPort)
	return advertised + ",CONTROLLER://" + controller, advertised
}

// ports returns the ports that a secure broker has besides those of a plain one.
func (s *security) ports() []int {
	if s == nil {
		return nil
	}
	return []int{s.plaintextPort, s.certificatePort, s.internalPort}
}

// choosePorts takes ports that are free, and different from those given.
func (s *security) choosePorts(taken ...int) (err error) {
	for _, port := range []*int{&s.plaintextPort, &s.certificatePort, &s.internalPort} {
		if *port, err = freePort(taken...); err != nil {
			return err
		}
		taken = append(taken, *port)
	}
	return nil
}
