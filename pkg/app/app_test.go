package app_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/app"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/config"
)

const patience = 20 * time.Second

// environ has the settings that a proxy on this machine needs at least.
func environ(kafka string, more ...string) []string {
	return append([]string{
		"WSPROXY_KAFKA_BOOTSTRAP_HOSTS=" + kafka, "WSPROXY_BIND_INTERFACE=127.0.0.1",
		"WSPROXY_PORT=0", "WSPROXY_ADMIN_PORT=0", "WSPROXY_DRAIN_DELAY=0s",
	}, more...)
}

// configure makes settings without reading the environment.
func configure(t *testing.T, kafka string, more ...string) *config.Config {
	t.Helper()
	c, err := app.NewConfig(environ(kafka, more...)...)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// setEnvironment sets the entries until the test's end.
func setEnvironment(t *testing.T, entries []string) {
	t.Helper()
	for _, entry := range entries {
		name, value, _ := strings.Cut(entry, "=")
		t.Setenv(name, value)
	}
}

func newBroker(t *testing.T) *kfake.Cluster {
	t.Helper()
	broker, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, "t"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(broker.Close)
	return broker
}

func start(t *testing.T, o app.Options) *app.App {
	t.Helper()
	a, err := app.Start(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(a.Shutdown)
	return a
}

// readiness asks /readyz; a proxy that does not listen anymore answers with status 0.
func readiness(t *testing.T, a *app.App) (status int, checks map[string]string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+a.AdminAddr()+"/readyz", nil)
	if err != nil {
		t.Fatal(err)
	}
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 5 * time.Second}
	answer, err := client.Do(request)
	if err != nil {
		return 0, nil
	}
	defer func() { _ = answer.Body.Close() }()
	var body struct{ Checks map[string]string }
	if err := json.NewDecoder(answer.Body).Decode(&body); err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, body.Checks
}

func awaitReadiness(t *testing.T, a *app.App, status int) map[string]string {
	t.Helper()
	deadline := time.After(patience)
	ticker := time.NewTicker(10 * time.Millisecond)
	defer ticker.Stop()
	for {
		got, checks := readiness(t, a)
		if got == status {
			return checks
		}
		select {
		case <-ticker.C:
		case <-deadline:
			t.Fatalf("/readyz answers %d, %v", got, checks)
		}
	}
}

func dial(t *testing.T, a *app.App, path string) *websocket.Conn {
	t.Helper()
	c, answer, err := websocket.Dial(t.Context(), "ws://"+a.Addr()+path, nil) //nolint:bodyclose // the library closes it
	if err != nil {
		t.Fatal(err, answer)
	}
	t.Cleanup(func() { _ = c.CloseNow() })
	return c
}

func TestFaultySettings(t *testing.T) {
	for name, test := range map[string]struct {
		environ []string
		says    []string
	}{
		"nothing":                        {nil, []string{"WSPROXY_KAFKA_BOOTSTRAP_HOSTS"}},
		"two faults":                     {environ("a:1", "WSPROXY_PORT=x", "WSPROXY_PING_INTERVAL=-1s"), []string{"WSPROXY_PORT", "WSPROXY_PING_INTERVAL"}},
		"a console that can ask nothing": {environ("a:1", "WSPROXY_CONSOLE_ENABLED=true"), []string{"WSPROXY_CONSOLE_ENABLED", "WSPROXY_ADMIN_ENDPOINT_ENABLED"}},
	} {
		t.Run(name, func(t *testing.T) {
			c, err := app.NewConfig(test.environ...)
			var faults *app.ConfigError
			if c != nil || !errors.As(err, &faults) {
				t.Fatalf("got %v, %v", c, err)
			}
			for _, text := range test.says {
				if !strings.Contains(err.Error(), text) {
					t.Errorf("%q does not name %s", err, text)
				}
			}
		})
	}
}

// TestPortInUse also leaves nothing running: see TestMain.
func TestPortInUse(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = taken.Close() }()
	_, port, _ := net.SplitHostPort(taken.Addr().String())
	for _, setting := range []string{"WSPROXY_PORT=", "WSPROXY_ADMIN_PORT="} {
		if _, err := app.Start(app.Options{Config: configure(t, "127.0.0.1:1", setting+port)}); err == nil || !strings.Contains(err.Error(), port) {
			t.Errorf("%s%s: got %v", setting, port, err)
		}
	}
}

// TestWithoutKafka checks that the proxy is alive and unready, and tells clients within five seconds.
func TestWithoutKafka(t *testing.T) {
	refused := func(context.Context, string, string) (net.Conn, error) {
		return nil, errors.New("secret of the network")
	}
	a := start(t, app.Options{Config: configure(t, "kafka:9092"), Dial: refused})
	checks := awaitReadiness(t, a, http.StatusServiceUnavailable)
	if checks["draining"] != "ok" || checks["kafka"] == "ok" || strings.Contains(checks["kafka"], "secret") {
		t.Errorf("got %v", checks)
	}
	began := time.Now()
	_, answer, err := websocket.Dial(t.Context(), "ws://"+a.Addr()+"/socket/in?clientId=c&topic=t", nil) //nolint:bodyclose // the library closes it
	if err == nil || answer == nil || answer.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("got %v, %v", answer, err)
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("took %s", took)
	}
}

// TestReadinessFollowsKafka cuts the network and restores it.
func TestReadinessFollowsKafka(t *testing.T) {
	network := &network{}
	a := start(t, app.Options{Config: configure(t, newBroker(t).ListenAddrs()[0]), Dial: network.dial})
	if checks := awaitReadiness(t, a, http.StatusOK); checks["kafka"] != "ok" || checks["draining"] != "ok" {
		t.Errorf("got %v", checks)
	}
	network.cut(true)
	awaitReadiness(t, a, http.StatusServiceUnavailable)
	network.cut(false)
	awaitReadiness(t, a, http.StatusOK)
}

// network is a network that can be cut.
type network struct {
	mu    sync.Mutex
	down  bool
	conns []net.Conn
}

func (n *network) dial(ctx context.Context, kind, address string) (net.Conn, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.down {
		return nil, errors.New("the network is down")
	}
	var dialer net.Dialer
	c, err := dialer.DialContext(ctx, kind, address)
	if err == nil {
		n.conns = append(n.conns, c)
	}
	return c, err
}

func (n *network) cut(down bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.down = down
	for _, c := range n.conns {
		_ = c.Close()
	}
	n.conns = nil
}

// TestShutdownOrder checks the steps of a shutdown: first unready, with all clients served; then
// new sockets refused and open ones closed with 1012, after messages in flight are answered; then
// no answer at all.
func TestShutdownOrder(t *testing.T) {
	var log lines
	a := start(t, app.Options{
		Config: configure(t, newBroker(t).ListenAddrs()[0], "WSPROXY_DRAIN_DELAY=500ms", "WSPROXY_SHUTDOWN_GRACE=10s"),
		Log:    slog.New(slog.NewTextHandler(&log, nil)),
	})
	awaitReadiness(t, a, http.StatusOK)
	in := dial(t, a, "/socket/in?clientId=c&topic=t")
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- a.Run(ctx) }()
	stop()

	if checks := awaitReadiness(t, a, http.StatusServiceUnavailable); checks["draining"] == "ok" || checks["kafka"] != "ok" {
		t.Errorf("got %v", checks)
	}
	late := dial(t, a, "/socket/out?clientId=c&topic=t") // still served
	if err := in.Write(t.Context(), websocket.MessageText, []byte(`{"value":{"value":"x"}}`)); err != nil {
		t.Fatal(err)
	}
	if _, answer, err := in.Read(t.Context()); err != nil || !strings.Contains(string(answer), `"offset":0`) {
		t.Errorf("got %s, %v", answer, err)
	}
	for _, c := range []*websocket.Conn{in, late} {
		var err error
		for err == nil { // records may come first
			_, _, err = c.Read(t.Context())
		}
		if websocket.CloseStatus(err) != websocket.StatusServiceRestart {
			t.Errorf("got %v", err)
		}
	}
	select {
	case err := <-ended:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(patience):
		t.Fatal("Run goes on")
	}
	if status, _ := readiness(t, a); status != 0 {
		t.Errorf("/readyz still answers, %d", status)
	}
	if got := log.messages(); !slices.Contains(got, "draining") || got[len(got)-1] != "stopped" {
		t.Errorf("the log says %q", got)
	}
	a.Shutdown() // changes nothing
}

// lines is a log in memory.
type lines struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func (l *lines) messages() []string {
	var all []string
	for line := range strings.Lines(l.String()) {
		_, message, _ := strings.Cut(line, "msg=")
		message, _, _ = strings.Cut(message, " ")
		all = append(all, message)
	}
	return all
}

// TestFailedListener ends Run with the listener's error, after a shutdown in order.
func TestFailedListener(t *testing.T) {
	var opened []net.Listener
	a := start(t, app.Options{Config: configure(t, "127.0.0.1:1"), Listen: func(kind, address string) (net.Listener, error) {
		l, err := net.Listen(kind, address)
		opened = append(opened, l)
		return l, err
	}})
	for _, l := range opened {
		if l.Addr().String() == a.Addr() {
			_ = l.Close()
		}
	}
	if err := a.Run(t.Context()); !errors.Is(err, net.ErrClosed) {
		t.Errorf("got %v", err)
	}
}

func TestNewLogger(t *testing.T) {
	for name, test := range map[string]struct {
		environ []string
		want    string // the beginning of a line; empty where nothing is logged
		level   slog.Level
	}{
		"default":          {nil, `{"time":`, slog.LevelInfo},
		"default, debug":   {nil, "", slog.LevelDebug},
		"text":             {[]string{"WSPROXY_LOG_FORMAT=text"}, "time=", slog.LevelInfo},
		"level":            {[]string{"WSPROXY_LOG_LEVEL=error"}, "", slog.LevelWarn},
		"faulty elsewhere": {[]string{"WSPROXY_PORT=x", "WSPROXY_LOG_FORMAT=text"}, `{"time":`, slog.LevelInfo},
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			app.NewLogger(&out, test.environ).Log(t.Context(), test.level, "x")
			if got := out.String(); !strings.HasPrefix(got, test.want) || (got == "") != (test.want == "") {
				t.Errorf("got %q", got)
			}
		})
	}
}

func TestReadinessURL(t *testing.T) {
	brokers := filepath.Join(t.TempDir(), "brokers")
	if err := os.WriteFile(brokers, []byte("kafka:9092\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		environ []string
		want    string // empty for an error
	}{
		"default":     {nil, "http://127.0.0.1:9078/readyz"},
		"port":        {[]string{"WSPROXY_ADMIN_PORT=1234"}, "http://127.0.0.1:1234/readyz"},
		"address":     {[]string{"WSPROXY_ADMIN_BIND_INTERFACE=10.0.0.1"}, "http://10.0.0.1:9078/readyz"},
		"as the main": {[]string{"WSPROXY_BIND_INTERFACE=10.0.0.2"}, "http://10.0.0.2:9078/readyz"},
		"IPv6":        {[]string{"WSPROXY_ADMIN_BIND_INTERFACE=::1"}, "http://[::1]:9078/readyz"},
		"any IPv6":    {[]string{"WSPROXY_ADMIN_BIND_INTERFACE=::"}, "http://127.0.0.1:9078/readyz"},
		"TLS":         {[]string{"WSPROXY_SSL_ENABLED=true", "WSPROXY_SSL_CERT_FILE=/c", "WSPROXY_SSL_KEY_FILE=/k"}, "https://127.0.0.1:9078/readyz"},
		"TLS, not for the management": {
			[]string{"WSPROXY_SSL_ENABLED=true", "WSPROXY_SSL_CERT_FILE=/c", "WSPROXY_SSL_KEY_FILE=/k", "WSPROXY_ADMIN_SSL_ENABLED=false"},
			"http://127.0.0.1:9078/readyz",
		},
		"brokers in a file": {[]string{"WSPROXY_KAFKA_BOOTSTRAP_HOSTS_FILE=" + brokers}, "http://127.0.0.1:9078/readyz"},
		"faulty":            {[]string{"WSPROXY_ADMIN_PORT=x"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			setEnvironment(t, test.environ)
			got, err := app.ReadinessURL()
			if got != test.want || (err == nil) != (test.want != "") {
				t.Errorf("got %q, %v", got, err)
			}
		})
	}
}

func TestWriteConfig(t *testing.T) {
	var out bytes.Buffer
	var faults *app.ConfigError
	if err := app.WriteConfig(io.Discard); !errors.As(err, &faults) {
		t.Errorf("got %v", err)
	}
	setEnvironment(t, environ("kafka:9092", "WSPROXY_BIND_INTERFCE=x"))
	if err := app.WriteConfig(&out); err != nil {
		t.Fatal(err)
	}
	if got := out.String(); !strings.Contains(got, "kafka:9092") || !strings.Contains(got, "warning: WSPROXY_BIND_INTERFCE") {
		t.Errorf("got %s", got)
	}
}
