package browser

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"go.uber.org/goleak"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/app"
	"github.com/wsproxy/kafka-websocket-proxy/test/browser/chromium"
)

// patience bounds what a test waits for.
const patience = time.Minute

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// launch starts a browser, which runs until the test's end, or for some times the patience of one wait.
func launch(t *testing.T) context.Context {
	t.Helper()
	return chromium.Launch(t, 10*patience)
}

// page is an empty page at an address of its own.
func page(t *testing.T) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		_, _ = w.Write([]byte("<!doctype html><title>page</title>"))
	}))
	t.Cleanup(s.Close)
	return s
}

// start runs a proxy in front of a broker with the topic "t".
func start(t *testing.T, settings ...string) *app.App {
	t.Helper()
	return startOn(t, broker(t, kfake.SeedTopics(1, "t")), settings...)
}

// broker runs Kafka's protocol in memory, and returns its address.
func broker(t *testing.T, options ...kfake.Opt) string {
	t.Helper()
	b, err := kfake.NewCluster(append(options, kfake.NumBrokers(1))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	return b.ListenAddrs()[0]
}

// startOn runs a proxy in front of a broker.
func startOn(t *testing.T, broker string, settings ...string) *app.App {
	t.Helper()
	environ := []string{
		"WSPROXY_KAFKA_BOOTSTRAP_HOSTS=" + broker, "WSPROXY_BIND_INTERFACE=127.0.0.1",
		"WSPROXY_PORT=0", "WSPROXY_ADMIN_PORT=0", "WSPROXY_DRAIN_DELAY=0s",
	}
	for _, setting := range settings {
		environ = append(environ, "WSPROXY_"+setting)
	}
	c, err := app.NewConfig(environ...)
	if err != nil {
		t.Fatal(err)
	}
	a, err := app.Start(app.Options{Config: c})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(a.Shutdown)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := a.AwaitReady(ctx); err != nil {
		t.Fatal(err)
	}
	return a
}
