package spec_test

import (
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/app"
)

// schemathesis asks a server what a document says, with all its checks: with every edge of every
// parameter, and some times with random ones. The seed is fixed: what fails is to fail again.
func schemathesis(t *testing.T, document, address string, args ...string) (printed string, content bool) {
	t.Helper()
	environ := []string{"PYTHONPATH=" + installed(t, "schemathesis") + ":" + absolute(t, "testdata"), "PYTHONDONTWRITEBYTECODE=1"}
	args = append([]string{
		"-m", "schemathesis.cli", "--config-file", absolute(t, "testdata/schemathesis.toml"),
		"run", document, "--url", "http://" + address, "--checks", "all", "--continue-on-failure",
		"--no-color", "--seed", "1",
	}, args...)
	return judge(t, environ, t.TempDir(), "python3", args...)
}

// started runs a proxy, with an admin API, until the test's end. Kafka has what the examples name: the
// topic demo with some records, of which the group dashboard has had one.
func started(t *testing.T) *app.App {
	t.Helper()
	broker, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, "demo"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(broker.Close)
	fill(t, broker)
	settings, err := app.NewConfig(
		"WSPROXY_KAFKA_BOOTSTRAP_HOSTS="+broker.ListenAddrs()[0], "WSPROXY_BIND_INTERFACE=127.0.0.1",
		"WSPROXY_PORT=0", "WSPROXY_ADMIN_PORT=0", "WSPROXY_DRAIN_DELAY=0s",
		"WSPROXY_ADMIN_ENDPOINT_ENABLED=true", "WSPROXY_DYNAMIC_CONFIG_HANDLER_ENABLED=true",
		"WSPROXY_PRODUCER_EXACTLY_ONCE_ENABLED=true",
	)
	if err != nil {
		t.Fatal(err)
	}
	a, err := app.Start(app.Options{Config: settings})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(a.Shutdown)
	awaitReady(t, a)
	return a
}

// fill writes some records and commits an offset.
func fill(t *testing.T, broker *kfake.Cluster) {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(broker.ListenAddrs()...), kgo.DefaultProduceTopic("demo"))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if err := client.ProduceSync(t.Context(), kgo.StringRecord("1"), kgo.StringRecord("2")).FirstErr(); err != nil {
		t.Fatal(err)
	}
	var offsets kadm.Offsets
	offsets.AddOffset("demo", 0, 1, -1)
	if err := kadm.NewClient(client).CommitAllOffsets(t.Context(), "dashboard", offsets); err != nil {
		t.Fatal(err)
	}
}

func awaitReady(t *testing.T, a *app.App) {
	t.Helper()
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.After(patience); ; {
		answer, err := client.Get("http://" + a.AdminAddr() + "/readyz")
		if err != nil {
			t.Fatal(err)
		}
		_ = answer.Body.Close()
		if answer.StatusCode == http.StatusOK {
			return
		}
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatal("the proxy is not ready")
		}
	}
}

// TestSchemathesis asks with few random parameters. [TestLongSchemathesis] asks with more.
func TestSchemathesis(t *testing.T) {
	t.Parallel()
	askAll(t, 3)
}

func TestLongSchemathesis(t *testing.T) { askAll(t, 20) }

// askAll asks both servers all that the document says, each question so many times with random parameters.
func askAll(t *testing.T, examples int) {
	t.Helper()
	installed(t, "schemathesis")
	a := started(t)
	const management = "^/(admin|livez|readyz|metrics)"
	for name, run := range map[string]struct{ address, which string }{
		"main":       {a.Addr(), "--exclude-path-regex=" + management},
		"management": {a.AdminAddr(), "--include-path-regex=" + management},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			printed, content := schemathesis(t, "http://"+a.Addr()+"/openapi.yaml", run.address, run.which, "--max-examples", strconv.Itoa(examples))
			t.Log(printed)
			if !content {
				t.Error("it is not content")
			}
		})
	}
}

func TestSchemathesisFindsFaults(t *testing.T) {
	t.Parallel()
	installed(t, "schemathesis")
	a := started(t)
	const exact, loose = "maximum: 2147483647", "maximum: 2147483649"
	path := spoiled(t, "openapi.yaml", exact, loose, "{const: I'm healthy}", "{const: I feel fine}")
	printed, content := schemathesis(t, path, a.Addr(), "--phases=coverage", "--include-path-regex=^/(healthcheck|socket/out)$")
	if content || !strings.Contains(printed, "ST108 Response violates schema: 1") || !strings.Contains(printed, "ST202 Schema-valid request rejected: 2") {
		t.Errorf("it did not find them:\n%s", printed)
	}
}
