//go:build cluster

package cluster

import (
	"cmp"
	"context"
	"maps"
	"net"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

const (
	namespace  = "wsproxy-test"
	release    = "proxy"
	deployment = "proxy-wsproxy"

	// partitions of each topic are more than a crowd has members.
	partitions = 64
)

// site is an installed chart.
type site struct {
	table

	host    string       // of the nodes' ports
	kafka   *kafka       // nil with the broker for trials
	run     string       // tells this run's topics from those of others
	ingress *http.Client // by way of the ingress; nil where there is none
}

// topics are those of the loads, each its own.
func topics() []string {
	return []string{
		"ingress", "rollout", "rollback", "drained", "deleted", "killed", "outage", "pool", "switched", "check", "balance", "reports", "audit", "secrets",
		"older", "password", "first-family", "second-family", "keda",
	}
}

func (s *site) topic(name string) string { return name + "-" + s.run }

// install installs the chart with three replicas and waits for them.
func install(t *testing.T) *site {
	t.Helper()
	s := &site{run: strconv.FormatInt(time.Now().Unix(), 36)}
	values := s.values(t)
	t.Cleanup(func() {
		if t.Failed() {
			explain(t)
		}
		kubectl(t, "delete", "namespace", namespace, "--ignore-not-found")
	})
	began := time.Now()
	s.upgrade(t, append([]string{"--install", "--create-namespace"}, values...)...)
	took := time.Since(began).Round(100 * time.Millisecond)
	s.begin("install")
	s.note(t, "three replicas ready after %s", took)
	t.Log("\n" + kubectl(t, "get", "pods", "--output", "wide"))
	if text := os.Getenv("CLUSTER_READY"); text != "" && took > duration(t, text) {
		t.Errorf("three replicas took %s to be ready, at most %s is asked for", took, text)
	}
	s.host = cmp.Or(os.Getenv("CLUSTER_HOST"), nodeAddresses(t)[0])
	return s
}

// nodeAddresses returns the addresses of the first node: one, or one of each family.
func nodeAddresses(t *testing.T) []string {
	t.Helper()
	addresses := strings.Fields(kubectl(t, "get", "nodes", "--output",
		`jsonpath={.items[0].status.addresses[?(@.type=="InternalIP")].address}`))
	if len(addresses) == 0 {
		t.Fatal("the first node has no address")
	}
	return addresses
}

// explain logs what a failure leaves to see.
func explain(t *testing.T) {
	t.Helper()
	for _, arguments := range []string{"get pods --output wide", "get events", "logs --selector app.kubernetes.io/component=proxy --prefix --tail 40"} {
		line := append(words("KUBECTL", "kubectl"), "--namespace", namespace)
		_, all, err := execute(context.WithoutCancel(t.Context()), append(line, strings.Fields(arguments)...)...)
		t.Logf("kubectl %s: %v\n%s", arguments, err, all)
	}
}

// upgrade installs or upgrades the release and waits until its pods are ready, and until those that they replace have
// ended: helm does not wait for these, which serve by their former values for a while.
func (s *site) upgrade(t *testing.T, arguments ...string) {
	t.Helper()
	command(t, "helm", append([]string{"upgrade", release, "../../charts/wsproxy", "--wait", "--timeout", "4m"}, arguments...)...)
	await(t, "end of the replaced pods", longest, func() bool { return len(ending(t)) == 0 })
}

// set turns values into arguments of helm.
func set(values map[string]string) (arguments []string) {
	for _, name := range slices.Sorted(maps.Keys(values)) {
		arguments = append(arguments, "--set", name+"="+values[name])
	}
	return arguments
}

// image returns the values of an image.
func image(t *testing.T, text string) map[string]string {
	t.Helper()
	colon := strings.LastIndex(text, ":")
	if colon < 0 {
		t.Fatalf("%q is not repository:tag of an image that the cluster can pull or has", text)
	}
	return map[string]string{"image.repository": text[:colon], "image.tag": text[colon+1:]}
}

func (s *site) values(t *testing.T) []string {
	t.Helper()
	values := image(t, os.Getenv("IMAGE"))
	maps.Copy(values, map[string]string{
		"replicaCount": "3", "service.type": "NodePort", "service.clusterIP": os.Getenv("CLUSTER_SERVICE_IP"), "tests.topic": s.topic("check"),
	})
	if brokers := os.Getenv("CLUSTER_KAFKA"); brokers != "" {
		s.kafka = newKafka(t, brokers)
		s.kafka.create(t, s)
		values["kafka.bootstrapHosts"] = escape(brokers)
		return set(values)
	}
	values["devBroker.enabled"] = "true"
	values["devBroker.clusterIP"] = os.Getenv("CLUSTER_BROKER_IP")
	for _, name := range topics() {
		values["devBroker.topics."+s.topic(name)] = strconv.Itoa(partitions)
	}
	return set(values)
}

// address is where a service of the release is reached.
func (s *site) address(t *testing.T, service string) string {
	t.Helper()
	return net.JoinHostPort(s.host, kubectl(t, "get", "service", service, "--output", `jsonpath={.spec.ports[?(@.name=="http")].nodePort}`))
}

// pods returns the names of a pool's pods that are not on their way out.
func pods(t *testing.T, pool string) []string {
	t.Helper()
	return strings.Fields(kubectl(t, "get", "pods", "--selector", "wsproxy/pool="+pool, "--output",
		`go-template={{range .items}}{{if not .metadata.deletionTimestamp}}{{.metadata.name}} {{end}}{{end}}`))
}

// ending are the pods of all pools that have been told to end and have not yet.
func ending(t *testing.T) []string {
	t.Helper()
	return strings.Fields(kubectl(t, "get", "pods", "--selector", "app.kubernetes.io/component=proxy", "--output",
		`go-template={{range .items}}{{if .metadata.deletionTimestamp}}{{.metadata.name}} {{end}}{{end}}`))
}

func duration(t *testing.T, text string) time.Duration {
	t.Helper()
	d, err := time.ParseDuration(text)
	if err != nil {
		t.Fatal(err)
	}
	return d
}
