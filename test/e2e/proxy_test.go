package e2e

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/app"
	"github.com/wsproxy/kafka-websocket-proxy/test/stopwatch"
)

// proxy is a running proxy.
type proxy struct {
	app        *app.App
	addr       string // of the main listener
	management string
	kafka      *gate // between it and its brokers
}

// run returns the proxy with default settings that the tests of a cluster share.
func (k *cluster) run(t *testing.T) *proxy {
	t.Helper()
	k.proxyOnce.Do(func() {
		p := startProxy(t, k.addr)
		p.awaitReady(t, true)
		k.proxy = p
	})
	if k.proxy == nil {
		t.Fatal("the shared proxy did not start")
	}
	return k.proxy
}

// start runs a proxy of the test's own, until its end. Settings are NAME=value without the
// prefix, or variables of OpenTelemetry.
func (k *cluster) start(t *testing.T, settings ...string) *proxy {
	t.Helper()
	p := startProxy(t, k.addr, settings...)
	t.Cleanup(p.app.Shutdown)
	p.awaitReady(t, true)
	return p
}

func startProxy(t *testing.T, broker string, settings ...string) *proxy {
	t.Helper()
	g := &gate{open: true, conns: make(map[net.Conn]struct{})}
	o := options(t, broker, settings)
	o.Dial = g.dial
	a, err := app.Start(o)
	if err != nil {
		t.Fatalf("starting the proxy: %v", err)
	}
	return &proxy{app: a, addr: a.Addr(), management: a.AdminAddr(), kafka: g}
}

// options are those of a proxy with settings, which are as for start.
func options(t *testing.T, broker string, settings []string) app.Options {
	t.Helper()
	entries := environ(broker, settings)
	c, err := app.NewConfig(entries...)
	if err != nil {
		t.Fatalf("configuring the proxy: %v", err)
	}
	return app.Options{Config: c, Environ: entries, Version: "test"}
}

// environ adds settings to those that all proxies in tests have, and overrides these.
func environ(broker string, settings []string) []string {
	values := map[string]string{
		"KAFKA_BOOTSTRAP_HOSTS": broker, "BIND_INTERFACE": "127.0.0.1", "PORT": "0", "ADMIN_PORT": "0",
		"DRAIN_DELAY": "0s", "SHUTDOWN_GRACE": "25s", "CONSUMER_COMMIT_INTERVAL": "100ms",
	}
	for _, s := range settings {
		name, value, _ := strings.Cut(s, "=")
		values[name] = value
	}
	var list []string
	for _, name := range slices.Sorted(maps.Keys(values)) {
		prefix := "WSPROXY_"
		if strings.HasPrefix(name, "OTEL_") {
			prefix = ""
		}
		list = append(list, prefix+name+"="+values[name])
	}
	return list
}

// gate stands between a proxy and its brokers. While it is shut, all connections are cut and
// new ones refused.
type gate struct {
	mu     sync.Mutex
	open   bool
	silent bool // new connections hang rather than being refused
	conns  map[net.Conn]struct{}
	asked  map[asked]bool

	late atomic.Int64 // nanoseconds by which each part of an answer is delayed
}

var errShut = errors.New("the gate to Kafka is shut")

// dialTimeout is how long franz-go's own dialer waits for a broker.
const dialTimeout = 10 * time.Second

func (g *gate) dial(ctx context.Context, network, address string) (net.Conn, error) {
	g.mu.Lock()
	open, silent := g.open, g.silent
	g.mu.Unlock()
	if !open {
		if silent {
			ctx, cancel := context.WithTimeout(ctx, dialTimeout)
			defer cancel()
			<-ctx.Done()
		}
		return nil, errShut
	}
	var d net.Dialer
	conn, err := d.DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.open {
		_ = conn.Close()
		return nil, errShut
	}
	g.conns[conn] = struct{}{}
	return &overheard{Conn: conn, gate: g, closed: make(chan struct{})}, nil
}

// shut makes Kafka unreachable: connections are refused, or hang where silent is set.
func (g *gate) shut(silent bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.open, g.silent = false, silent
	for conn := range g.conns {
		_ = conn.Close()
	}
	clear(g.conns)
}

// unlock makes Kafka reachable again.
func (g *gate) unlock() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.open = true
}

// target makes the path and query of a socket. Parameters are name=value; one without a value
// drops what is set here.
func target(path, topic string, parameters []string) string {
	values := url.Values{"topic": {topic}, "clientId": {unique("client")}}
	for _, p := range parameters {
		name, value, _ := strings.Cut(p, "=")
		values[name] = []string{value}
	}
	return path + "?" + values.Encode()
}

// response is an HTTP answer.
type response struct {
	status int
	header http.Header
	body   string
}

// failure is what an HTTP error's body, or an error frame, tells.
type failure struct {
	Code      string
	Message   string
	Retriable bool
	Bytes     int // of a key or value that was left out
}

// failure reads the body of an HTTP error.
func (r response) failure(t *testing.T) failure {
	t.Helper()
	var f failure
	if err := json.Unmarshal([]byte(r.body), &f); err != nil || f.Code == "" || f.Message == "" {
		t.Errorf("the body %q is not that of an error", r.body)
	}
	if got := r.header.Get("Content-Type"); got != "application/json" {
		t.Errorf("an error has the Content-Type %q", got)
	}
	return f
}

// request makes an HTTP request, with headers given as name, value, name, value.
func request(t *testing.T, method, address string, headers ...string) response {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, method, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	res, err := httpClient().Do(r)
	if err != nil {
		t.Fatalf("%s %s: %v", method, address, err)
	}
	defer res.Body.Close()
	if res.StatusCode == http.StatusSwitchingProtocols {
		return response{status: res.StatusCode, header: res.Header}
	}
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatalf("%s %s: %v", method, address, err)
	}
	return response{res.StatusCode, res.Header, string(body)}
}

func (p *proxy) get(t *testing.T, path string, headers ...string) response {
	t.Helper()
	return request(t, http.MethodGet, "http://"+p.addr+path, headers...)
}

func (p *proxy) manage(t *testing.T, path string) response {
	t.Helper()
	return request(t, http.MethodGet, "http://"+p.management+path)
}

// upgrade requests a WebSocket without using it. It repeats the request if the machine is so busy that
// the proxy cannot reach Kafka in time.
func (p *proxy) upgrade(t *testing.T, path string, headers ...string) response {
	t.Helper()
	const tries = 5
	for try := 1; ; try++ {
		watch := stopwatch.Start(t)
		got := p.upgradeOnce(t, path, headers...)
		watch.Stop()
		if try == tries || !isTooBusy(watch, got.status) {
			return got
		}
	}
}

func (p *proxy) upgradeOnce(t *testing.T, path string, headers ...string) response {
	t.Helper()
	return p.get(t, path, append([]string{
		"Connection", "Upgrade", "Upgrade", "websocket",
		"Sec-WebSocket-Version", "13", "Sec-WebSocket-Key", "AAAAAAAAAAAAAAAAAAAAAA==",
	}, headers...)...)
}

// httpClient keeps no connection after an answer, and accepts no answer that is not specified.
func httpClient() *http.Client {
	return &http.Client{Transport: checked{&http.Transport{DisableKeepAlives: true}}}
}
