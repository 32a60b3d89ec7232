//go:build cluster

package cluster

import (
	"bytes"
	"cmp"
	"context"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

const (
	namespace  = "wsproxy-test"
	release    = "proxy"
	deployment = "proxy-wsproxy"

	// The topics of the two loads. They have more partitions than a crowd has members.
	rollout, kill = "rollout", "kill"
)

// command runs kubectl or helm in the test's namespace and returns what it prints.
func command(t *testing.T, program string, arguments ...string) string {
	t.Helper()
	words := strings.Fields(cmp.Or(os.Getenv(strings.ToUpper(program)), program))
	words = append(words, append([]string{"--namespace", namespace}, arguments...)...)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 5*time.Minute)
	defer cancel()
	c := exec.CommandContext(ctx, words[0], words[1:]...)
	var stdout, stderr bytes.Buffer
	c.Stdout, c.Stderr = &stdout, &stderr
	if err := c.Run(); err != nil {
		t.Fatalf("%s: %v\n%s%s", strings.Join(words, " "), err, &stdout, &stderr)
	}
	return strings.TrimSpace(stdout.String())
}

func kubectl(t *testing.T, arguments ...string) string {
	t.Helper()
	return command(t, "kubectl", arguments...)
}

// install installs the chart and returns the address of its service.
func install(t *testing.T) string {
	t.Helper()
	image := os.Getenv("IMAGE")
	colon := strings.LastIndex(image, ":")
	if colon < 0 {
		t.Fatal("IMAGE is required: repository:tag of an image that the cluster can pull or has")
	}
	t.Cleanup(func() { kubectl(t, "delete", "namespace", namespace, "--ignore-not-found") })
	began := time.Now()
	command(t, "helm", "upgrade", "--install", release, "../../charts/wsproxy", "--create-namespace", "--wait", "--timeout", "2m",
		"--set", "image.repository="+image[:colon], "--set", "image.tag="+image[colon+1:],
		"--set", "replicaCount=3", "--set", "service.type=NodePort",
		"--set", "devBroker.enabled=true", "--set", "devBroker.clusterIP="+os.Getenv("CLUSTER_BROKER_IP"),
		"--set", "devBroker.topics."+rollout+"=64", "--set", "devBroker.topics."+kill+"=64")
	t.Logf("three replicas were ready after %s", time.Since(began).Round(100*time.Millisecond))
	t.Log("\n" + kubectl(t, "get", "pods", "--output", "wide"))
	return cmp.Or(os.Getenv("CLUSTER_ADDRESS"),
		kubectl(t, "get", "nodes", "--output", `jsonpath={.items[0].status.addresses[?(@.type=="InternalIP")].address}`)+":"+
			kubectl(t, "get", "service", deployment, "--output", `jsonpath={.spec.ports[?(@.name=="http")].nodePort}`))
}
