//go:build cluster

package cluster

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
)

const (
	kafkaUser   = "wsproxy-test"
	kafkaSecret = "kafka-user"
)

// testPassword gives the proxy's own user of Kafka another password, and then restarts the pods, which read it at their start.
func testPassword(t *testing.T, s *site) {
	need(t, "CLUSTER_KAFKA", "CLUSTER_KAFKA_SASL")
	s.kafka.setPassword(t, "the first one")
	t.Cleanup(func() { s.kafka.removeUser(t) })
	secretOf(t, kafkaSecret, "--from-literal=username="+kafkaUser, "--from-literal=password=the first one")
	s.replaced(t, func() {
		s.upgrade(t, append([]string{"--reuse-values"}, set(map[string]string{
			"kafka.bootstrapHosts": escape(os.Getenv("CLUSTER_KAFKA_SASL")), "kafka.securityProtocol": "SASL_PLAINTEXT",
			"kafka.sasl.mechanism": "SCRAM-SHA-512", "kafka.sasl.existingSecret": kafkaSecret,
		})...)...)
	})
	l := begin(t, s, s.plain(t, deployment), "password", crowd)
	l.more(t, 2000)
	s.kafka.setPassword(t, "the second one")
	secretOf(t, kafkaSecret, "--from-literal=username="+kafkaUser, "--from-literal=password=the second one")
	s.note(t, "the restart took %s", s.replaced(t, func() {
		kubectl(t, "rollout", "restart", "deployment/"+deployment)
		kubectl(t, "rollout", "status", "deployment/"+deployment, "--timeout", "4m")
	}))
	l.more(t, 2000)
	l.end(t)
	l.wantCloses(t, "1012", "1013") // 1013 where a pod with the old password needed another connection to Kafka
	s.upgrade(t, append([]string{"--reuse-values"}, set(map[string]string{
		"kafka.bootstrapHosts": escape(os.Getenv("CLUSTER_KAFKA")), "kafka.securityProtocol": "PLAINTEXT",
		"kafka.sasl.mechanism": "", "kafka.sasl.existingSecret": "",
	})...)...)
}

// escape writes a text with commas as helm's --set takes it.
func escape(text string) string { return strings.ReplaceAll(text, ",", `\,`) }

// secretOf creates or replaces a Secret of these contents.
func secretOf(t *testing.T, name string, contents ...string) {
	t.Helper()
	manifest := filepath.Join(t.TempDir(), "secret.yaml")
	text := kubectl(t, append([]string{"create", "secret", "generic", name, "--dry-run=client", "--output", "yaml"}, contents...)...)
	if err := os.WriteFile(manifest, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	kubectl(t, "apply", "--filename", manifest)
}

// setPassword gives the user a password, who may be new.
func (k *kafka) setPassword(t *testing.T, password string) {
	t.Helper()
	k.alterUsers(t, nil, []kadm.UpsertSCRAM{{User: kafkaUser, Mechanism: kadm.ScramSha512, Iterations: 4096, Password: password}})
}

func (k *kafka) removeUser(t *testing.T) {
	t.Helper()
	k.alterUsers(t, []kadm.DeleteSCRAM{{User: kafkaUser, Mechanism: kadm.ScramSha512}}, nil)
}

func (k *kafka) alterUsers(t *testing.T, remove []kadm.DeleteSCRAM, upsert []kadm.UpsertSCRAM) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), time.Minute)
	defer cancel()
	altered, err := k.admin.AlterUserSCRAMs(ctx, remove, upsert)
	if err == nil {
		err = altered.Error()
	}
	if err != nil {
		t.Fatalf("altering the users of Kafka: %v", err)
	}
}
