package server

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/config"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

func TestThePrefixIsServedOnce(t *testing.T) {
	s := newServer(t, &config.Config{Server: config.Server{PathPrefix: "/kafka"}})
	for path, status := range map[string]int{
		"/healthcheck": http.StatusOK, "/kafka/healthcheck": http.StatusOK, "/kafka/kafka/healthcheck": http.StatusNotFound,
		"/kafka": http.StatusNotFound, "/kafka/": http.StatusNotFound, "/kafka/kafka/kafka/cluster/info": http.StatusNotFound,
	} {
		if answer := ask(s.Main(), "GET", path); answer.Code != status {
			t.Errorf("%s answers %d", path, answer.Code)
		}
	}
	s.Config.Server.PathPrefix = "/ready" // where a route is already
	if answer := ask(s.Main(), "GET", "/ready/healthcheck"); answer.Code != http.StatusOK {
		t.Errorf("a prefix that is a route answers %d", answer.Code)
	}
}

// TestPathsThatAreLongCostWhatShortOnesDo compares paths that repeat the prefix, as often as headers may be long and
// as often as paths may, with a short one. Nested routes took ten thousand times as long for the longest.
func TestPathsThatAreLongCostWhatShortOnesDo(t *testing.T) {
	for _, prefix := range []string{"/a", "/kafka", "/streaming/kafka-proxy"} {
		s := newServer(t, &config.Config{Server: config.Server{PathPrefix: prefix}})
		main := s.Main()
		cost := func(path string) time.Duration {
			checkError(t, ask(main, "GET", path), proxy.KindNotFound)
			took := time.Hour
			for range 20 {
				r, w := httptest.NewRequest(http.MethodGet, path, nil), httptest.NewRecorder()
				began := time.Now()
				main.ServeHTTP(w, r)
				took = min(took, time.Since(began))
			}
			return took
		}
		repeated := func(length int) time.Duration { return cost(strings.Repeat(prefix, length/len(prefix)) + "/nothing") }
		short, longest, plain, long := cost("/nothing"), repeated(15<<10), cost("/"+strings.Repeat("x", maxPath-10)), repeated(maxPath-10)
		if longest > 5*short+100*time.Microsecond || long > 5*plain {
			t.Errorf("%s: a path of 15 KiB takes %v, a short one %v; the longest that is looked at %v, one that does not repeat it %v",
				prefix, longest, short, long, plain)
		}
		t.Logf("%s: %v and %v, %v and %v", prefix, short, longest, plain, long)
	}
}
