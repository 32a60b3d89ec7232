package outside

import (
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
)

// proxy is a running `wsproxy serve`.
type proxy struct {
	*process
	main, management string // addresses
}

// serve starts the proxy in front of a broker, on ports that are free, and returns when it is
// ready. Settings are added to those that every test needs.
func serve(t testing.TB, broker string, settings ...string) *proxy {
	t.Helper()
	p := &proxy{process: start(t, append([]string{
		"WSPROXY_KAFKA_BOOTSTRAP_HOSTS=" + broker,
		"WSPROXY_BIND_INTERFACE=127.0.0.1",
		"WSPROXY_PORT=0",
		"WSPROXY_ADMIN_PORT=0",
		"WSPROXY_DRAIN_DELAY=0s",
	}, settings...), "serve")}
	await(t, "the proxy to listen", func() bool {
		if p.ended() {
			t.Fatal("the proxy ended at its start")
		}
		return p.findAddresses()
	})
	await(t, "the proxy to be ready", func() bool { return p.status("/readyz") == http.StatusOK })
	return p
}

// findAddresses reads from the log where the proxy listens.
func (p *proxy) findAddresses() bool {
	for line := range strings.Lines(p.stderr.String()) {
		var entry struct{ Msg, Main, Management string }
		if json.Unmarshal([]byte(line), &entry) == nil && entry.Msg == "listening" {
			p.main, p.management = entry.Main, entry.Management
			return true
		}
	}
	return false
}

// url is where a WebSocket client connects, for a path with a query.
func (p *proxy) url(path string) string { return "ws://" + p.main + path }

// status is what the management listener answers, 0 if it does not.
func (p *proxy) status(path string) int {
	answer, err := http.Get("http://" + p.management + path)
	if err != nil {
		return 0
	}
	defer answer.Body.Close()
	return answer.StatusCode
}

// metric returns the value of a series, 0 if there is none.
func (p *proxy) metric(t testing.TB, series string) float64 {
	t.Helper()
	answer, err := http.Get("http://" + p.management + "/metrics")
	must(t, err)
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	must(t, err)
	for line := range strings.Lines(string(text)) {
		if number, found := strings.CutPrefix(line, series+" "); found {
			value, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
			must(t, err)
			return value
		}
	}
	return 0
}
