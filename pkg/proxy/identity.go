package proxy

import (
	"log/slog"
	"time"
)

// Identity is the identity of a client, as the handshake has authenticated it.
type Identity struct {
	// Principal is the authenticated principal of the client.
	Principal Principal
	// Claims are the token's, as JSON has them; nil without a token.
	Claims map[string]any
	// Expires is when the token or the certificate expires; zero where nothing does.
	Expires time.Time
	// Kafka are the credentials by which the client's records are read and written.
	Kafka KafkaCredentials
}

// KafkaCredentials are a client's credentials for Kafka; the zero value stands for the proxy's own.
// They are comparable, and never printed: neither by fmt nor by slog.
type KafkaCredentials struct {
	Username string // for PLAIN and SCRAM
	Password string
	Token    string // for OAUTHBEARER, instead of the others
}

// IsZero tells whether the proxy's own credentials are meant.
func (c KafkaCredentials) IsZero() bool { return c == KafkaCredentials{} }

// String hides the secrets.
func (c KafkaCredentials) String() string {
	switch {
	case c.Token != "":
		return "a token"
	case c.IsZero():
		return "none"
	default:
		return "user " + c.Username
	}
}

// GoString hides the secrets.
func (c KafkaCredentials) GoString() string { return c.String() }

// LogValue hides the secrets.
func (c KafkaCredentials) LogValue() slog.Value { return slog.StringValue(c.String()) }
