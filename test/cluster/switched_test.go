//go:build cluster

package cluster

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// testSwitchedOn hands the replicas over to an autoscaler, and back: no pod goes, and no connection is closed.
func testSwitchedOn(t *testing.T, s *site) {
	before := pods(t, "default")
	l := begin(t, s, s.plain(t, deployment), "switched", crowd/2)
	l.more(t, 1000)
	fewest := watchReady(t)
	s.upgrade(t, "--reuse-values", "--set", "autoscaling.mode=hpa,autoscaling.minReplicas=3,autoscaling.maxReplicas=5")
	await(t, "autoscaler that has looked at the replicas", longest, func() bool {
		return kubectl(t, "get", "hpa", deployment, "--output", "jsonpath={.status.currentReplicas}") == "3"
	})
	l.more(t, 1000)
	s.upgrade(t, "--reuse-values", "--set", "autoscaling.mode=none,replicaCount=3")
	l.more(t, 1000)
	n := fewest()
	s.note(t, "never fewer than %d ready", n)
	if n < 3 {
		t.Errorf("there were %d ready pods at some time", n)
	}
	after := pods(t, "default")
	slices.Sort(before)
	slices.Sort(after)
	if !slices.Equal(before, after) {
		t.Errorf("the pods were %v and are %v", before, after)
	}
	if n := l.ended(); n > 0 {
		t.Errorf("%d connections were closed", n)
	}
	l.end(t)
}

// watchReady looks at the ready pods all the time until its function is called, which returns how many there were at least.
func watchReady(t *testing.T) (fewest func() int) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	least := 1 << 30
	line := append(words("KUBECTL", "kubectl"), "--namespace", namespace, "get", "deployment", deployment, "--output", "jsonpath={.status.readyReplicas}")
	var watching sync.WaitGroup
	watching.Go(func() {
		for ctx.Err() == nil {
			if printed, _, err := execute(ctx, line...); err == nil {
				n, _ := strconv.Atoi(strings.TrimSpace(printed)) // it is empty where none is ready
				least = min(least, n)
			}
			wait(ctx, 100*time.Millisecond)
		}
	})
	t.Cleanup(func() {
		stop()
		watching.Wait()
	})
	return func() int {
		stop()
		watching.Wait()
		return least
	}
}
