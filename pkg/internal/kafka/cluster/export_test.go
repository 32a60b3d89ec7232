package cluster

import (
	"context"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// Exports for tests outside the package, which use the other Kafka packages, too.
const (
	ProbesAtOnce      = probesAtOnce
	RefusalsUntilGone = refusalsUntilGone
	BearerMechanism   = bearerMechanism
)

// Check runs the check that the watcher runs at each interval.
func (t *Topics) Check(ctx context.Context) { t.check(ctx) }

// Identities lists the credentials that are kept.
func (t *Topics) Identities() (kept []proxy.KafkaCredentials) {
	t.rights.mu.Lock()
	defer t.rights.mu.Unlock()
	for credentials := range t.rights.known {
		kept = append(kept, credentials)
	}
	return kept
}

// Probes returns how many credentials are being checked.
func (t *Topics) Probes() int { return t.rights.probes.Taken() }

// LoginAgain makes an identity's next request begin with a login, as with brokers that limit the time
// between two logins.
func (t *Topics) LoginAgain(credentials proxy.KafkaCredentials) error {
	fresh, err := t.rights.dial(credentials)
	if err != nil {
		return err
	}
	t.rights.mu.Lock()
	defer t.rights.mu.Unlock()
	known := t.rights.known[credentials]
	known.client.Close()
	known.client, known.watch = fresh.client, fresh.watch
	return nil
}
