package outside

import (
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/wsproxy/kafka-websocket-proxy/test/process"
)

// proxy is a running `wsproxy serve`.
type proxy struct {
	*running
	main, management string // addresses
}

// serve starts the proxy in front of a broker, on ports that are free, and returns when it is
// ready. Settings are added to those that every test needs.
func serve(t testing.TB, broker string, settings ...string) *proxy {
	t.Helper()
	p := &proxy{running: start(t, append(process.ServeSettings(broker), settings...), "serve")}
	await(t, "the proxy to listen", func() (listens bool) {
		if p.Ended() {
			t.Fatal("the proxy ended at its start")
		}
		p.main, p.management, listens = p.Addresses()
		return listens
	})
	await(t, "the proxy to be ready", func() bool { return p.status("/readyz") == http.StatusOK })
	return p
}

// url is where a WebSocket client connects, for a path with a query.
func (p *proxy) url(path string) string { return "ws://" + p.main + path }

// status is what the management listener answers, 0 if it does not.
func (p *proxy) status(path string) int { return process.Status(p.management, path) }

// metric returns the value of a series, 0 if there is none.
func (p *proxy) metric(t testing.TB, series string) float64 {
	t.Helper()
	for line := range strings.Lines(p.metrics(t)) {
		if number, found := strings.CutPrefix(line, series+" "); found {
			return number64(t, number)
		}
	}
	return 0
}

// byKind returns the sums of a metric's series that have the same label kind.
func (p *proxy) byKind(t testing.TB, metric string) map[string]float64 {
	t.Helper()
	sums := make(map[string]float64)
	for line := range strings.Lines(p.metrics(t)) {
		labels, found := strings.CutPrefix(line, metric+"{")
		_, rest, hasKind := strings.Cut(labels, `kind="`)
		if kind, _, _ := strings.Cut(rest, `"`); found && hasKind {
			sums[kind] += number64(t, line[strings.LastIndex(line, " ")+1:])
		}
	}
	return sums
}

func (p *proxy) metrics(t testing.TB) string {
	t.Helper()
	answer, err := http.Get("http://" + p.management + "/metrics")
	must(t, err)
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	must(t, err)
	return string(text)
}

func number64(t testing.TB, text string) float64 {
	t.Helper()
	value, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
	must(t, err)
	return value
}
