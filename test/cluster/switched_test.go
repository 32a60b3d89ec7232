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

// many replicas are handed over to an autoscaler, whose fewest they are. They ask for little CPU, so that a small cluster has room.
const (
	many   = 6
	handed = "replicaCount=6"
)

// testSwitchedOn hands the replicas over to an HPA, and back: no pod goes, and no connection is closed.
func testSwitchedOn(t *testing.T, s *site) {
	s.handOver(t, "switched", func(l *load) {
		s.upgrade(t, "--reuse-values", "--set", "autoscaling.mode=hpa,autoscaling.minReplicas=6,autoscaling.maxReplicas=6")
		s.awaitAutoscaler(t, deployment)
		l.more(t, 1000)
	})
}

// handOver has the replicas serve a crowd while an autoscaler is switched on and does its work, and off again. No connection may be closed
// but with a status that the work accounts for.
func (s *site) handOver(t *testing.T, topic string, work func(*load), accounted ...string) {
	t.Helper()
	s.upgrade(t, "--reuse-values", "--set", handed+",resources.requests.cpu=50m")
	await(t, "pods of the new values alone", longest, func() bool { return len(pods(t, "default")) == many })
	before := pods(t, "default")
	l := begin(t, s, s.plain(t, deployment), topic, crowd/2)
	l.more(t, 1000)
	fewest := watchReplicas(t, "{.status.replicas}")
	work(l)
	s.upgrade(t, "--reuse-values", "--set", "autoscaling.mode=none,"+handed)
	l.more(t, 1000)
	n := fewest()
	s.note(t, "never fewer than %d pods", n)
	if n < many {
		t.Errorf("there were %d pods at some time", n)
	}
	wantStayed(t, before)
	l.end(t)
	for code, n := range l.closes {
		if !slices.Contains(accounted, code) {
			t.Errorf("%d connections were closed with %q", n, code)
		}
	}
	s.upgrade(t, "--reuse-values", "--set", "replicaCount=3,resources.requests.cpu=300m")
	await(t, "end of those pods", longest, func() bool { return gone(t, before) })
}

// wantStayed fails unless all these pods are there.
func wantStayed(t *testing.T, before []string) {
	t.Helper()
	after := pods(t, "default")
	for _, pod := range before {
		if !slices.Contains(after, pod) {
			t.Errorf("%s has gone; there are %v", pod, after)
		}
	}
}

// awaitAutoscaler waits until an autoscaler has looked at the replicas.
func (s *site) awaitAutoscaler(t *testing.T, name string) {
	t.Helper()
	await(t, "autoscaler that has looked at the replicas", longest, func() bool {
		return kubectl(t, "get", "hpa", name, "--ignore-not-found", "--output", "jsonpath={.status.currentReplicas}") == strconv.Itoa(many)
	})
}

// watchReplicas looks at a number in the Deployment all the time until its function is called, which returns how low it was.
func watchReplicas(t *testing.T, path string) (fewest func() int) {
	t.Helper()
	return watchLeast(t, []string{"get", "deployment", deployment, "--output", "jsonpath=" + path}, func(printed string) int {
		n, _ := strconv.Atoi(strings.TrimSpace(printed)) // it is empty where there is none
		return n
	})
}

// watchLeast asks kubectl all the time until its function is called, which returns the least number that was read in an answer.
func watchLeast(t *testing.T, arguments []string, number func(printed string) int) (least func() int) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	fewest := 1 << 30
	line := append(words("KUBECTL", "kubectl"), append([]string{"--namespace", namespace}, arguments...)...)
	var watching sync.WaitGroup
	watching.Go(func() {
		for ctx.Err() == nil {
			if printed, _, err := execute(ctx, line...); err == nil {
				fewest = min(fewest, number(printed))
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
		return fewest
	}
}
