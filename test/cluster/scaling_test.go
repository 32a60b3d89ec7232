//go:build cluster

package cluster

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// busy is a pool that scales within seconds, so that a test can wait for it.
const busy = `pools:
  busy:
    groups: ["pool-*"]
    replicaCount: 1
    resources: {requests: {cpu: 50m, memory: 64Mi}, limits: {memory: 512Mi}}
    autoscaling:
      mode: hpa
      minReplicas: 1
      maxReplicas: 3
      cpuUtilization: 100
      connections: 0 # an earlier part may have left a target, of which the cluster has no metric
      behavior:
        scaleUp: {stabilizationWindowSeconds: 0}
        scaleDown: {stabilizationWindowSeconds: 15, policies: [{type: Pods, value: 1, periodSeconds: 15}]}
`

// testScaling has the load of a pool's clients scale it up, and its end scale it down again.
func testScaling(t *testing.T, s *site) {
	raw := append(words("KUBECTL", "kubectl"), "get", "--raw", "/apis/metrics.k8s.io/v1beta1/nodes")
	if _, all, err := execute(t.Context(), raw...); err != nil {
		t.Skipf("the cluster has no metrics of pods: %s", all)
	}
	file := filepath.Join(t.TempDir(), "values.yaml")
	if err := os.WriteFile(file, []byte(busy), 0o600); err != nil {
		t.Fatal(err)
	}
	s.upgrade(t, "--reuse-values", "--values", file)
	listing := watch(t)
	l := begin(t, s, s.plain(t, deployment+"-busy"), "pool", crowd/2)
	l.pace.Store(0)
	await(t, "third pod of the pool", longest, func() bool { return readyPods(t) == "3" })
	// New pods get new connections only, once they are known to whoever spreads them.
	await(t, "connections of every pod", longest, func() bool {
		for _, pod := range pods(t, "busy") {
			if connections(t, pod) < 5 {
				l.join(1)
				return false
			}
		}
		return true
	})
	l.more(t, 2000)
	before := pods(t, "busy")
	l.pace.Store(int64(time.Second))
	await(t, "pool of one pod", 2*longest, func() bool { return len(pods(t, "busy")) == 1 })
	left := pods(t, "busy")
	removed := slices.DeleteFunc(before, func(pod string) bool { return slices.Contains(left, pod) })
	await(t, "end of the other pods", longest, func() bool { return gone(t, removed) })
	l.more(t, 100)
	t.Log("\n" + listing())
	l.end(t)
	l.wantCloses(t, "1012")
}

func readyPods(t *testing.T) string {
	t.Helper()
	return kubectl(t, "get", "deployment", deployment+"-busy", "--output", "jsonpath={.status.readyReplicas}")
}

// watch follows the autoscaler until its function is called, which returns what it saw.
func watch(t *testing.T) (listing func() string) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	t.Cleanup(stop)
	line := append(words("KUBECTL", "kubectl"), "--namespace", namespace, "get", "hpa", "--watch")
	var printed bytes.Buffer
	c := exec.CommandContext(ctx, line[0], line[1:]...)
	c.Stdout = &printed
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	return func() string {
		stop()
		_ = c.Wait() // it was stopped
		return printed.String()
	}
}
