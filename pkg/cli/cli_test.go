package cli_test

import (
	"bytes"
	"context"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/app"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/cli"
	"github.com/wsproxy/kafka-websocket-proxy/test/certs"
)

const patience = 20 * time.Second

// broker is the setting without which most commands do not start.
const broker = "WSPROXY_KAFKA_BOOTSTRAP_HOSTS=127.0.0.1:1"

// setEnvironment sets the entries, NAME=value, until the test's end.
func setEnvironment(t *testing.T, entries []string) {
	t.Helper()
	for _, entry := range entries {
		name, value, _ := strings.Cut(entry, "=")
		t.Setenv(name, value)
	}
}

// run runs a command to its end, with environment variables that are set until the test's end.
func run(t *testing.T, environ []string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	setEnvironment(t, environ)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var out, err bytes.Buffer
	code = cli.Run(ctx, cli.Process{Args: args, Stdout: &out, Stderr: &err})
	return code, out.String(), err.String()
}

func TestExitCodes(t *testing.T) {
	taken := listen(t)
	_, port, _ := net.SplitHostPort(taken.Addr().String())
	for name, test := range map[string]struct {
		args           []string
		environ        []string
		code           int
		stdout, stderr string // parts of them
	}{
		"nothing":                   {nil, nil, 0, "healthcheck", ""},
		"help":                      {[]string{"--help"}, nil, 0, "serve", ""},
		"help of a command":         {[]string{"dev", "--help"}, nil, 0, "--kafka-port", ""},
		"unknown command":           {[]string{"nonsense"}, nil, 2, "", `wsproxy has no command "nonsense"`},
		"unknown flag":              {[]string{"--nonsense"}, nil, 2, "", "--nonsense"},
		"unknown flag of a command": {[]string{"serve", "--port", "1"}, nil, 2, "", "--port"},
		"argument of serve":         {[]string{"serve", "x"}, []string{broker}, 2, "", `"x"`},
		"argument of dev":           {[]string{"dev", "x"}, nil, 2, "", `"x"`},
		"argument of config":        {[]string{"config", "x"}, nil, 2, "", `"x"`},
		"flag without a number":     {[]string{"dev", "--port", "x"}, nil, 2, "", "--port"},
		"version":                   {[]string{"version"}, nil, 0, "wsproxy dev (commit unknown, go", ""},
		"config":                    {[]string{"config"}, []string{broker}, 0, "127.0.0.1:1", ""},
		"config, faulty":            {[]string{"config"}, nil, 2, "", "WSPROXY_KAFKA_BOOTSTRAP_HOSTS"},
		"config as Markdown":        {[]string{"config", "--markdown"}, []string{"WSPROXY_PORT=x"}, 0, "| `WSPROXY_PORT` | `8078` |", ""},
		"serve, faulty":             {[]string{"serve"}, []string{broker, "WSPROXY_PORT=x"}, 2, "", "WSPROXY_PORT"},
		"serve, all faults":         {[]string{"serve"}, []string{"WSPROXY_PORT=x"}, 2, "", "WSPROXY_KAFKA_BOOTSTRAP_HOSTS"},
		"serve, traces by gRPC":     {[]string{"serve"}, []string{broker, "OTEL_TRACES_EXPORTER=otlp", "OTEL_EXPORTER_OTLP_PROTOCOL=grpc"}, 2, "", "OTEL_EXPORTER_OTLP_PROTOCOL: "},
		"serve, port in use":        {[]string{"serve"}, []string{broker, "WSPROXY_BIND_INTERFACE=127.0.0.1", "WSPROXY_ADMIN_PORT=0", "WSPROXY_PORT=" + port}, 1, "", port},
		"dev, Kafka's port in use":  {[]string{"dev", "--port", "0", "--admin-port", "0", "--kafka-port", port}, nil, 2, "", "--kafka-port"},
		"dev, port in use":          {[]string{"dev", "--port", port, "--admin-port", "0", "--kafka-port", "0"}, nil, 2, "", "--port"},
		"dev, admin port in use":    {[]string{"dev", "--port", "0", "--admin-port", port, "--kafka-port", "0"}, nil, 2, "", "--admin-port"},
		"dev, no such port":         {[]string{"dev", "--port", "70000", "--admin-port", "0", "--kafka-port", "0"}, nil, 2, "", "WSPROXY_PORT"},
		"healthcheck, faulty":       {[]string{"healthcheck"}, []string{"WSPROXY_ADMIN_PORT=x"}, 2, "", "WSPROXY_ADMIN_PORT"},
		"healthcheck, no URL":       {[]string{"healthcheck", "--url", "http://\x7f"}, nil, 2, "", "--url"},
	} {
		t.Run(name, func(t *testing.T) {
			code, stdout, stderr := run(t, test.environ, test.args...)
			if code != test.code {
				t.Errorf("exit code %d, want %d\n%s", code, test.code, stderr)
			}
			if !strings.Contains(stdout, test.stdout) || !strings.Contains(stderr, test.stderr) {
				t.Errorf("stdout:\n%s\nstderr:\n%s", stdout, stderr)
			}
			if code != 0 && stdout != "" {
				t.Errorf("a failure prints on stdout:\n%s", stdout)
			}
		})
	}
}

// TestMarkdownIsThatOfTheDocumentation holds with any settings in the environment.
func TestMarkdownIsThatOfTheDocumentation(t *testing.T) {
	var want strings.Builder
	if err := app.ConfigMarkdown(&want); err != nil {
		t.Fatal(err)
	}
	code, got, stderr := run(t, []string{broker, "WSPROXY_PORT=80", "WSPROXY_LOG_LEVEL=loud"}, "config", "--markdown")
	if code != 0 || got != want.String() {
		t.Errorf("exit code %d, %s\n%s", code, stderr, got)
	}
}

func listen(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

// TestSecretsStaySecret sets every secret: messages that their features do not exist yet must not
// contain them.
func TestSecretsStaySecret(t *testing.T) {
	for _, name := range []string{
		"WSPROXY_KAFKA_SASL_PASSWORD", "WSPROXY_KAFKA_SASL_OAUTH_CLIENT_SECRET", "WSPROXY_BASIC_AUTH_PASSWORD", "WSPROXY_ADMIN_BASIC_AUTH_PASSWORD",
	} {
		for _, command := range []string{"config", "serve"} {
			t.Run(command+" "+name, func(t *testing.T) {
				code, stdout, stderr := run(t, []string{broker, name + "=hunter2"}, command)
				if code != 2 || !strings.Contains(stderr, name) {
					t.Errorf("exit code %d, %s", code, stderr)
				}
				if strings.Contains(stdout+stderr, "hunter2") {
					t.Errorf("the secret is shown:\n%s%s", stdout, stderr)
				}
			})
		}
	}
}

func TestHealthcheck(t *testing.T) {
	answer := func(status int, body string) string {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
			_, _ = w.Write([]byte(body))
		}))
		t.Cleanup(s.Close)
		return s.URL
	}
	absent := listen(t)
	_ = absent.Close()
	for name, test := range map[string]struct {
		url    string
		code   int
		stdout string
		stderr string
	}{
		"ready":   {answer(200, `{"ready":true}`), 0, `{"ready":true}`, ""},
		"unready": {answer(503, `{"ready":false}`), 1, "", `503 Service Unavailable: {"ready":false}`},
		"another": {answer(404, "x"), 1, "", "404"},
		"absent":  {"http://" + absent.Addr().String(), 1, "", "refused"},
	} {
		t.Run(name, func(t *testing.T) {
			code, stdout, stderr := run(t, []string{"HTTP_PROXY=http://127.0.0.1:1"}, "healthcheck", "--url", test.url)
			if code != test.code || !strings.Contains(stdout, test.stdout) || !strings.Contains(stderr, test.stderr) {
				t.Errorf("exit code %d, %q, %q", code, stdout, stderr)
			}
		})
	}
}

// TestHealthcheckOfATLSListener checks a proxy whose certificate is not trusted on this machine.
func TestHealthcheckOfATLSListener(t *testing.T) {
	cert, key := certs.NewAuthority(t).Server(t).Write(t, t.TempDir())
	environ := []string{
		broker, "WSPROXY_BIND_INTERFACE=127.0.0.1", "WSPROXY_SSL_BIND_INTERFACE=127.0.0.1", "WSPROXY_SSL_PORT=0",
		"WSPROXY_SSL_ENABLED=true", "WSPROXY_SSL_ONLY=true", "WSPROXY_SSL_CERT_FILE=" + cert, "WSPROXY_SSL_KEY_FILE=" + key,
		"WSPROXY_ADMIN_PORT=" + freePort(t), "WSPROXY_DRAIN_DELAY=0s", "WSPROXY_SHUTDOWN_GRACE=1s",
	}
	_, log, stop := begin(t, environ, "serve")
	await(t, "the proxy to listen", func() bool { return strings.Contains(log.String(), `"msg":"listening"`) })
	code, _, stderr := run(t, environ, "healthcheck")
	if code != 1 || !strings.Contains(stderr, "503 Service Unavailable") { // there is no Kafka
		t.Errorf("exit code %d, %s", code, stderr)
	}
	for _, variable := range environ {
		if port, found := strings.CutPrefix(variable, "WSPROXY_ADMIN_PORT="); found {
			code, _, stderr = run(t, environ, "healthcheck", "--url", "https://127.0.0.1:"+port+"/livez")
		}
	}
	if code != 1 || !strings.Contains(stderr, "certificate") {
		t.Errorf("with --url: exit code %d, %s", code, stderr)
	}
	if code := stop(); code != 0 {
		t.Errorf("the proxy ended with %d\n%s", code, log)
	}
}

// freePort returns a port that was free a moment ago.
func freePort(t *testing.T) string {
	t.Helper()
	l := listen(t)
	defer l.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return port
}

func TestHealthcheckOfAnUnknownCertificate(t *testing.T) {
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte("ready"))
	}))
	s.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelInfo) // it would log the handshake that is to fail
	s.StartTLS()
	defer s.Close()
	if code, _, stderr := run(t, nil, "healthcheck", "--url", s.URL); code != 1 || !strings.Contains(stderr, "certificate") {
		t.Errorf("unknown certificate: exit code %d, %s", code, stderr)
	}
	if code, stdout, stderr := run(t, nil, "healthcheck", "--insecure", "--url", s.URL); code != 0 || stdout != "ready\n" {
		t.Errorf("with --insecure: exit code %d, %q, %s", code, stdout, stderr)
	}
}

// output collects the output of a running command.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// await waits until a condition holds.
func await(t *testing.T, what string, holds func() bool) {
	t.Helper()
	ticker := time.NewTicker(10 * time.Millisecond)
	defer ticker.Stop()
	deadline := time.After(patience)
	for !holds() {
		select {
		case <-ticker.C:
		case <-deadline:
			t.Fatalf("waited in vain for: %s", what)
		}
	}
}

// begin starts a command, which runs until stop is called. stop returns its exit code.
func begin(t *testing.T, environ []string, args ...string) (stdout, stderr *output, stop func() int) {
	t.Helper()
	setEnvironment(t, environ)
	ctx, cancel := context.WithCancel(t.Context())
	stdout, stderr = &output{}, &output{}
	code := make(chan int, 1)
	go func() {
		code <- cli.Run(ctx, cli.Process{Args: args, Stdout: stdout, Stderr: stderr})
	}()
	stop = sync.OnceValue(func() int {
		cancel()
		select {
		case c := <-code:
			return c
		case <-time.After(patience):
			t.Error("the command does not end")
			return -1
		}
	})
	t.Cleanup(func() { stop() })
	return stdout, stderr, stop
}
