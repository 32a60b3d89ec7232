//go:build cluster

package cluster

import (
	"cmp"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

// testOutage takes Kafka away. Pods say that they are not ready and stay alive, and whoever kept the
// connection goes on when Kafka is back.
func testOutage(t *testing.T, s *site) {
	remove, bring := scaleBroker(t, "0"), scaleBroker(t, "1")
	if s.kafka != nil {
		need(t, "CLUSTER_KAFKA_STOP", "CLUSTER_KAFKA_START")
		remove, bring = func() { given(t, "CLUSTER_KAFKA_STOP") }, func() { given(t, "CLUSTER_KAFKA_START") }
	}
	before := state(t)
	l := begin(t, s, s.plain(t, deployment), "outage", crowd)
	l.more(t, 2000)
	remove()
	over := time.After(duration(t, cmp.Or(os.Getenv("CLUSTER_OUTAGE"), "60s")))
	away := time.Now()
	await(t, "pod that is unready", longest, func() bool { return !strings.Contains(ready(t), "True") })
	s.note(t, "no pod ready %s after Kafka went", time.Since(away).Round(100*time.Millisecond))
	alive(t, over)
	t.Logf("after %s\n%s", time.Since(away).Round(time.Second), kubectl(t, "get", "pods"))
	bring()
	back := time.Now()
	await(t, "pods that are ready again", longest, func() bool { return !strings.Contains(ready(t), "False") })
	s.note(t, "all ready %s after it was back", time.Since(back).Round(100*time.Millisecond))
	l.more(t, 2000)
	s.note(t, "another 2,000 acknowledged %s after", time.Since(back).Round(100*time.Millisecond))
	if after := state(t); after != before {
		t.Errorf("the pods were %q and are %q", before, after)
	}
	allowed := []string{"1013"}
	if s.kafka == nil {
		allowed = append(allowed, "4404") // other topics of the same names have come back
		l.quit(t)
	} else {
		l.end(t)
	}
	for code, n := range l.closes {
		if !slices.Contains(allowed, code) {
			t.Errorf("%d connections were closed with %q, not %v", n, code, allowed)
		}
	}
}

func scaleBroker(t *testing.T, replicas string) func() {
	t.Helper()
	return func() {
		t.Helper()
		kubectl(t, "scale", "deployment/"+deployment+"-dev-broker", "--replicas", replicas)
	}
}

// alive asks every pod for its liveness until the time is over.
func alive(t *testing.T, over <-chan time.Time) {
	t.Helper()
	ticker := time.NewTicker(5 * time.Second)
	defer ticker.Stop()
	asked := 0
	for {
		for _, pod := range pods(t, "default") {
			asked++
			kubectl(t, "get", "--raw", management(pod)+"/livez")
			if is := ready(t); strings.Contains(is, "True") {
				t.Errorf("a pod is ready without Kafka: %s", is)
			}
		}
		select {
		case <-over:
			t.Logf("%d times a pod said that it is alive, and that it is not ready", asked)
			return
		case <-ticker.C:
		}
	}
}

const eachPod = `jsonpath={range .items[*]}{.metadata.name}=`

// ready lists which pods are ready.
func ready(t *testing.T) string {
	t.Helper()
	return kubectl(t, "get", "pods", "--selector", "wsproxy/pool=default", "--output", eachPod+`{.status.conditions[?(@.type=="Ready")].status} {end}`)
}

// state lists pods and how often their containers were restarted.
func state(t *testing.T) string {
	t.Helper()
	return kubectl(t, "get", "pods", "--selector", "wsproxy/pool=default", "--output", eachPod+`{.status.containerStatuses[0].restartCount} {end}`)
}
