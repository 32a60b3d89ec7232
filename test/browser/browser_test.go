package browser

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/twmb/franz-go/pkg/kfake"
	"go.uber.org/goleak"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/app"
)

// patience bounds what a test waits for.
const patience = time.Minute

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// chromium returns where the browser is. Without it the test is skipped, or fails if REQUIRE_ALL=1.
func chromium(t *testing.T) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "../tools/tool", "chromium")
	var reason strings.Builder
	cmd.Stderr = &reason
	path, err := cmd.Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.ExitCode() == 3 && os.Getenv("REQUIRE_ALL") != "1" {
		t.Skipf("needs chromium: %s", reason.String())
	}
	if err != nil {
		t.Fatalf("looking for chromium: %v\n%s", err, reason.String())
	}
	return strings.TrimSpace(string(path))
}

// launch starts a browser, which runs until the test's end, or for some times the patience of one wait.
func launch(t *testing.T) context.Context {
	t.Helper()
	return launchFor(t, 10*patience)
}

// launchFor starts a browser, which runs until the test's end, or for so long.
func launchFor(t *testing.T, most time.Duration) context.Context {
	t.Helper()
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(chromium(t)), chromedp.NoSandbox)
	timed, cancelTimed := context.WithTimeout(t.Context(), most)
	allocator, cancelAllocator := chromedp.NewExecAllocator(timed, options...)
	ctx, cancel := chromedp.NewContext(allocator)
	t.Cleanup(func() {
		cancel()
		cancelAllocator()
		cancelTimed()
	})
	return ctx
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
