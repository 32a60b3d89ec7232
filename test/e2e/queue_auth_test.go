package e2e

import (
	"net/http"
	"strings"
	"testing"
)

// TestQueuePolicyAndTokens has a client work on its own group alone, and renew its token on the way.
func TestQueuePolicyAndTokens(t *testing.T) {
	onBoth(t, func(t *testing.T, k *cluster) {
		topic, group, i := k.topic(t, 1), k.group(), newIssuer(t)
		k.produce(t, topic, numbered(0, 1, 1, 0)...)
		policy := "AUTHZ_POLICY_FILE=" + newFile(t, "rules: [{subjects: [alice], consume: ['*'], groups: ['"+group+"']}]").path
		p, token := k.start(t, i.settings(policy)...), i.token("alice", nil)
		got := p.upgrade(t, queuePath(topic, k.group()), "Authorization", "Bearer "+token)
		if got.status != http.StatusForbidden || !strings.HasPrefix(got.failure(t).Message, "groupId: ") {
			t.Errorf("a group of others: got %d %s", got.status, got.body)
		}
		if got := p.upgrade(t, queuePath(topic, group)); got.status != http.StatusUnauthorized {
			t.Errorf("nobody: got %d %s", got.status, got.body)
		}
		w := &worker{pumping(p.dialAs(t, "Bearer "+token, queuePath(topic, group, "confirm=true")))}
		held := w.record()
		w.send(renewal(token))
		if f := w.frame(); len(f.Auth) == 0 {
			t.Fatalf("got %s", f.text)
		}
		w.send(acknowledgement("accept", held.ID), renewal("bad"))
		w.wantFrame(settledIDs(held.ID))
		w.wantEnd(4401)
	})
}
