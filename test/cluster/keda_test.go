//go:build cluster

package cluster

import (
	"cmp"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"
)

// blind is KEDA with neither the topic nor the Prometheus that its triggers ask.
const blind = `autoscaling:
  mode: keda
  minReplicas: 6
  maxReplicas: 8
  connections: 500
  keda: {pollingInterval: 2, prometheus: "http://127.0.0.1:1", lag: [{group: nobody, topic: no-such-topic, threshold: 10}]}
`

// testKeda hands the replicas over to KEDA, which can read none of its triggers: it keeps them, also while Kafka is away. Where it is
// told to fall back it does.
func testKeda(t *testing.T, s *site) {
	needKeda(t)
	s.handOver(t, "keda", func(l *load) {
		s.lay(t, blind)
		await(t, "KEDA that cannot read its triggers", longest, func() bool { return scaledReady(t) == "False" })
		s.note(t, "without topic and Prometheus the ScaledObject is not ready")
		l.more(t, 1000)
		if n := l.ended(); n > 0 {
			t.Errorf("%d connections were closed when KEDA was switched on", n)
		}
		s.withoutKafka(t)
		l.more(t, 1000)
	}, "1013") // as an outage of Kafka may
}

// needKeda skips a test where the cluster has no KEDA.
func needKeda(t *testing.T) {
	t.Helper()
	line := append(words("KUBECTL", "kubectl"), "get", "crd", "scaledobjects.keda.sh")
	if _, all, err := execute(t.Context(), line...); err != nil {
		t.Skipf("the cluster has no KEDA: %s", all)
	}
}

// lay upgrades with further values.
func (s *site) lay(t *testing.T, values string, arguments ...string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "values.yaml")
	if err := os.WriteFile(file, []byte(values), 0o600); err != nil {
		t.Fatal(err)
	}
	s.upgrade(t, append([]string{"--reuse-values", "--values", file}, arguments...)...)
}

func scaledReady(t *testing.T) string {
	t.Helper()
	return kubectl(t, "get", "scaledobject", deployment, "--output", `jsonpath={.status.conditions[?(@.type=="Ready")].status}`)
}

// withoutKafka takes Kafka away for a while and brings it back, where the environment says how.
func (s *site) withoutKafka(t *testing.T) {
	t.Helper()
	if s.kafka == nil || os.Getenv("CLUSTER_KAFKA_STOP") == "" || os.Getenv("CLUSTER_KAFKA_START") == "" {
		return
	}
	away := duration(t, cmp.Or(os.Getenv("CLUSTER_OUTAGE"), "60s"))
	given(t, "CLUSTER_KAFKA_STOP")
	over := time.Now().Add(away)
	await(t, "end of the outage", longest, func() bool { return time.Now().After(over) })
	s.note(t, "%s replicas after %s without Kafka", replicas(t), away)
	given(t, "CLUSTER_KAFKA_START")
}

func replicas(t *testing.T) string {
	t.Helper()
	return kubectl(t, "get", "deployment", deployment, "--output", "jsonpath={.spec.replicas}")
}

// testFallback has KEDA do what it is told to do without its triggers.
func testFallback(t *testing.T, s *site) {
	needKeda(t)
	const fallback = 5
	before := replicas(t)
	s.lay(t, blind, "--set", "autoscaling.minReplicas=2,resources.requests.cpu=50m",
		"--set", "autoscaling.keda.fallback.failureThreshold=2,autoscaling.keda.fallback.behavior=currentReplicasIfHigher",
		"--set", "autoscaling.keda.fallback.replicas="+strconv.Itoa(fallback))
	await(t, "replicas that KEDA falls back to", longest, func() bool { return replicas(t) == strconv.Itoa(fallback) })
	s.note(t, "from %s replicas to %d, as `fallback` says", before, fallback)
	s.upgrade(t, "--reuse-values", "--set", "autoscaling.mode=none,replicaCount=3,resources.requests.cpu=300m")
	await(t, "pods as before", longest, func() bool { return len(pods(t, "default")) == 3 })
}
