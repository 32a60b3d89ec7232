package cluster

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/twmb/franz-go/pkg/sasl"
	"github.com/twmb/franz-go/pkg/sasl/oauth"
	"github.com/twmb/franz-go/pkg/sasl/plain"
	"github.com/twmb/franz-go/pkg/sasl/scram"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

const bearerMechanism = "OAUTHBEARER"

// errTokenRefused means that Kafka refused a token: its answer describes the reason, and franz-go has no
// error of its own for it.
var errTokenRefused = errors.New("the broker refuses the token")

// Credentials returns the credentials with which a client logs in: after a renewal, other ones of the
// same kind.
type Credentials func() proxy.KafkaCredentials

// Always returns Credentials that do not change.
func Always(c proxy.KafkaCredentials) Credentials {
	return func() proxy.KafkaCredentials { return c }
}

// login returns the SASL mechanism of a client: with the given credentials or, if there are none, with
// the proxy's own. It is nil if Kafka requires no login. Credentials that cannot be used never cause a
// login with the proxy's own.
func (s *security) login(as Credentials) sasl.Mechanism {
	c := as()
	if err := s.usable(c); err != nil {
		return refusing{err}
	}
	mechanism := s.settings.SASLMechanism
	switch {
	case c.Token != "":
		return s.bearer(func(context.Context) (string, error) { return as().Token, nil })
	case !c.IsZero():
		return passwordLogin(mechanism, as)
	case mechanism == bearerMechanism:
		return s.bearer(s.tokens.token)
	default:
		own := proxy.KafkaCredentials{Username: s.settings.SASLUsername, Password: string(s.settings.SASLPassword)}
		return passwordLogin(mechanism, Always(own))
	}
}

func passwordLogin(mechanism string, as Credentials) sasl.Mechanism {
	salted := func(context.Context) (scram.Auth, error) {
		c := as()
		return scram.Auth{User: c.Username, Pass: c.Password}, nil
	}
	switch mechanism {
	case "PLAIN":
		return plain.Plain(func(context.Context) (plain.Auth, error) {
			c := as()
			return plain.Auth{User: c.Username, Pass: c.Password}, nil
		})
	case "SCRAM-SHA-256":
		return scram.Sha256(salted)
	case "SCRAM-SHA-512":
		return scram.Sha512(salted)
	default:
		return nil
	}
}

// bearer returns OAUTHBEARER with the current token. The extensions identify the cluster, and so they
// are sent with the tokens of clients, too.
func (s *security) bearer(token func(context.Context) (string, error)) sasl.Mechanism {
	extensions := make(map[string]string, len(s.settings.SASLOAuthExtensions))
	for _, item := range s.settings.SASLOAuthExtensions {
		name, value, _ := strings.Cut(item, "=")
		extensions[name] = value
	}
	return judged{oauth.Oauth(func(ctx context.Context) (oauth.Auth, error) {
		text, err := token(ctx)
		return oauth.Auth{Token: text, Extensions: extensions}, err
	})}
}

// judged is a mechanism whose sessions report that Kafka refused a token.
type judged struct{ sasl.Mechanism }

// Authenticate implements sasl.Mechanism.
func (j judged) Authenticate(ctx context.Context, host string) (sasl.Session, []byte, error) {
	session, first, err := j.Mechanism.Authenticate(ctx, host)
	return judgedSession{session}, first, err
}

type judgedSession struct{ sasl.Session }

// Challenge implements sasl.Session.
func (j judgedSession) Challenge(answer []byte) (bool, []byte, error) {
	done, next, err := j.Session.Challenge(answer)
	if err != nil {
		err = fmt.Errorf("%w: %w", errTokenRefused, err)
	}
	return done, next, err
}

// refusing is the mechanism for credentials that cannot be used.
type refusing struct{ err error }

// Name implements sasl.Mechanism.
func (refusing) Name() string { return "PLAIN" }

// Authenticate implements sasl.Mechanism.
func (r refusing) Authenticate(context.Context, string) (sasl.Session, []byte, error) {
	return nil, nil, r.err
}
