package server

import (
	"net/http"
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

// TestLongPathsCostWhatShortOnesDo compares paths that repeat the prefix as often as headers may be long
// with a short one. Nested routes took some hundred times as long for them, and more.
func TestLongPathsCostWhatShortOnesDo(t *testing.T) {
	for _, prefix := range []string{"/a", "/kafka", "/streaming/kafka-proxy"} {
		s := newServer(t, &config.Config{Server: config.Server{PathPrefix: prefix}})
		main := s.Main()
		cost := func(path string) time.Duration {
			checkError(t, ask(main, "GET", path), proxy.KindNotFound)
			took := time.Hour
			for range 20 {
				began := time.Now()
				ask(main, "GET", path)
				took = min(took, time.Since(began))
			}
			return took
		}
		short, long := cost(prefix+"/nothing"), cost(strings.Repeat(prefix, 15<<10/len(prefix))+"/nothing")
		// The path is read, and compared with its clean form: that is all that may take longer.
		if long > 50*short+time.Millisecond {
			t.Errorf("%s: a long path takes %v, a short one %v", prefix, long, short)
		}
		t.Logf("%s: %v and %v", prefix, short, long)
	}
}
