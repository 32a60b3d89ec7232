package cluster

import (
	"context"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// What the tests look at that use the other rooms, too, and so lie outside the package.
const (
	ProbesAtOnce      = probesAtOnce
	RefusalsUntilGone = refusalsUntilGone
	BearerMechanism   = bearerMechanism
)

// Check does what the watcher does at each interval.
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

// Probes is how many credentials are being tried.
func (t *Topics) Probes() int { return t.rights.probes.Taken() }

// LoginAgain has an identity's next question begin with a login, as brokers do that limit the time
// between two.
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
