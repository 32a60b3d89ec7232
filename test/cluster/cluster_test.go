//go:build cluster

package cluster

import (
	"bufio"
	"io"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

func TestCluster(t *testing.T) {
	s := install(t)
	for _, part := range []struct {
		name string
		test func(*testing.T, *site)
	}{
		{"healthcheck", testHealthcheck},
		{"helm test", testHelmTest},
		{"ingress", testIngress},
		{"both families of addresses", testFamilies},
		{"upgrade under load", testUpgrade},
		{"rollback under load", testRollback},
		{"older image under load and back", testOlder},
		{"pod deleted under load", testDeleted},
		{"proxy killed under load", testKilled},
		{"pods evicted under load", testDrained},
		{"outage of Kafka", testOutage},
		{"autoscaler switched on under load", testSwitchedOn},
		{"KEDA switched on under load without what it asks", testKeda},
		{"fallback of KEDA", testFallback},
		{"balance after a scale-out", testBalance},
		{"two pools by group", testPools},
		{"example of two pools pasted", testPasted},
		{"secret replaced", testSecret},
		{"password of Kafka changed under load", testPassword},
		{"pool scaled under load", testScaling},
		{"uninstall", testUninstall},
	} {
		s.begin(part.name)
		t.Run(part.name, func(t *testing.T) { part.test(t, s) })
	}
	t.Logf("as a table:\n%s", &s.table)
}

// plain is the way in through the port of a node.
func (s *site) plain(t *testing.T, service string) door {
	t.Helper()
	return door{url: "ws://" + s.address(t, service)}
}

func testHealthcheck(t *testing.T, s *site) {
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+s.address(t, deployment)+"/healthcheck", nil)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	if body, err := io.ReadAll(answer.Body); err != nil || answer.StatusCode != http.StatusOK {
		t.Errorf("%s: %s, %v", answer.Status, body, err)
	}
	s.note(t, "%s", answer.Status)
}

func testHelmTest(t *testing.T, s *site) {
	if os.Getenv("CLUSTER_BROKER_IP") != "" && os.Getenv("CLUSTER_SERVICE_IP") == "" {
		t.Skip("the cluster has no DNS, and the chart's test asks by name")
	}
	t.Log("\n" + command(t, "helm", "test", release))
	s.note(t, "a record went through the service and came back")
}

// testUpgrade changes a value, which replaces every pod. Clients are told to come back, and lose nothing.
func testUpgrade(t *testing.T, s *site) {
	before := pods(t, "default")
	l := begin(t, s, s.plain(t, deployment), "rollout", crowd)
	l.more(t, 2000)
	began := time.Now()
	s.upgrade(t, "--reuse-values", "--set", "config.LOG_LEVEL=debug")
	await(t, "end of the old pods", longest, func() bool { return gone(t, before) })
	s.note(t, "took %s", time.Since(began).Round(100*time.Millisecond))
	l.more(t, 2000)
	l.end(t)
	l.wantCloses(t, "1012")
}

// gone tells whether none of the pods is left, be it on its way out.
func gone(t *testing.T, names []string) bool {
	t.Helper()
	left := kubectl(t, "get", "pods", "--output", "name")
	for _, name := range names {
		if strings.Contains(left, name) {
			return false
		}
	}
	return true
}

// wantCloses fails unless connections were closed with a status, and with no other but those that may be beside it.
func (l *load) wantCloses(t *testing.T, status string, beside ...string) {
	t.Helper()
	if l.closes[status] == 0 {
		t.Errorf("no connection was closed with %s", status)
	}
	for code, n := range l.closes {
		if code != status && !slices.Contains(beside, code) {
			t.Errorf("%d connections were closed with %q, not %s", n, code, status)
		}
	}
}

// testDeleted has a pod go without its time for an end, as when its node is given up. The node's
// kubelet learns of that a moment later.
func testDeleted(t *testing.T, s *site) {
	l := begin(t, s, s.plain(t, deployment), "deleted", crowd)
	l.more(t, 2000)
	kubectl(t, "delete", "pod", busiest(t), "--grace-period=0", "--force")
	await(t, "end of its connections", longest, func() bool { return l.ended() > 0 })
	l.more(t, 2000)
	kubectl(t, "rollout", "status", "deployment/"+deployment, "--timeout", "4m")
	l.end(t)
}

// testKilled ends a pod's process with SIGKILL. The pod stays, and its container starts again.
func testKilled(t *testing.T, s *site) {
	need(t, "CLUSTER_KILL")
	l := begin(t, s, s.plain(t, deployment), "killed", crowd)
	l.more(t, 2000)
	pod := busiest(t)
	before := restarts(t, pod)
	given(t, "CLUSTER_KILL", pod)
	await(t, "restart of the container", longest, func() bool { return restarts(t, pod) != before })
	kubectl(t, "wait", "--for=condition=Ready", "pod/"+pod, "--timeout", "2m")
	l.more(t, 2000)
	l.end(t)
	if l.closes[""] == 0 {
		t.Errorf("no connection was cut: closes %v", l.closes)
	}
}

// busiest returns the pod with the most connections: one that has just come has none.
func busiest(t *testing.T) (name string) {
	t.Helper()
	most := -1
	for _, pod := range pods(t, "default") {
		if count := connections(t, pod); count > most {
			name, most = pod, count
		}
	}
	t.Logf("%s has %d connections", name, most)
	return name
}

// connections returns how many a pod has.
func connections(t *testing.T, pod string) (count int) {
	t.Helper()
	for line := range strings.Lines(kubectl(t, "get", "--raw", management(pod)+"/metrics")) {
		if !strings.HasPrefix(line, "wsproxy_connections{") {
			continue
		}
		value, err := strconv.Atoi(strings.TrimSpace(line[strings.LastIndex(line, " ")+1:]))
		if err != nil {
			t.Fatal(err)
		}
		count += value
	}
	return count
}

// management is the path of a pod's management port at the cluster's API.
func management(pod string) string {
	return "/api/v1/namespaces/" + namespace + "/pods/" + pod + ":9078/proxy"
}

func restarts(t *testing.T, pod string) string {
	t.Helper()
	return kubectl(t, "get", "pod", pod, "--output", "jsonpath={.status.containerStatuses[0].restartCount}")
}

// testUninstall looks for what the release leaves behind.
func testUninstall(t *testing.T, s *site) {
	began := time.Now()
	command(t, "helm", "uninstall", release, "--wait")
	kinds := strings.Join(strings.Fields(kubectl(t, "api-resources", "--verbs=list", "--namespaced", "--output", "name")), ",")
	var left string
	await(t, "end of the release's objects", 2*time.Minute, func() bool {
		left = kubectl(t, "get", kinds, "--selector", "app.kubernetes.io/instance="+release, "--output", "name", "--ignore-not-found")
		return left == ""
	})
	s.note(t, "nothing left after %s", time.Since(began).Round(100*time.Millisecond))
	lines := bufio.NewScanner(strings.NewReader(kubectl(t, "get", kinds, "--output", "name", "--ignore-not-found")))
	for lines.Scan() {
		if name := lines.Text(); strings.Contains(name, deployment) && !strings.HasPrefix(name, "event") {
			t.Errorf("%s is left", name)
		}
	}
}
