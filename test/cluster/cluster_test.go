//go:build cluster

package cluster

import (
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
)

// crowd is how many producers there are, and how many consumers.
const crowd = 50

func TestCluster(t *testing.T) {
	address := install(t)
	for _, part := range []struct {
		name string
		test func(*testing.T, string)
	}{
		{"healthcheck", testHealthcheck},
		{"helm test", testHelmTest},
		{"rolling update under load", testRollingUpdate},
		{"pod killed under load", testKill},
	} {
		t.Run(part.name, func(t *testing.T) { part.test(t, address) })
	}
}

func testHealthcheck(t *testing.T, address string) {
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+address+"/healthcheck", nil)
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
}

func testHelmTest(t *testing.T, _ string) {
	if os.Getenv("CLUSTER_BROKER_IP") != "" {
		t.Skip("the cluster has no DNS, and the chart's test asks by name")
	}
	command(t, "helm", "test", release)
}

// testRollingUpdate replaces every pod. Clients are told to come back, and lose nothing.
func testRollingUpdate(t *testing.T, address string) {
	l := begin(t, address, rollout, crowd)
	l.more(t, 2000)
	kubectl(t, "rollout", "restart", "deployment/"+deployment)
	kubectl(t, "rollout", "status", "deployment/"+deployment, "--timeout", "4m")
	l.more(t, 2000)
	l.end(t)
	if l.closes["1012"] == 0 {
		t.Errorf("nobody was told to come back: closes %v", l.closes)
	}
	for code, n := range l.closes {
		if code != "1012" && code != "" {
			t.Errorf("%d connections were closed with %s", n, code)
		}
	}
}

// testKill ends a pod's process at once, as a node that dies does.
func testKill(t *testing.T, address string) {
	l := begin(t, address, kill, crowd)
	l.more(t, 2000)
	pod := strings.Fields(kubectl(t, "get", "pods", "--selector", "wsproxy/pool=default", "--output", "name"))[0]
	kubectl(t, "delete", pod, "--grace-period=0", "--force")
	l.more(t, 2000)
	kubectl(t, "rollout", "status", "deployment/"+deployment, "--timeout", "4m")
	l.end(t)
}
