package server

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/textproto"
	"strings"
	"testing"

	"github.com/coder/websocket"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/config"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

func TestEveryAnswerHasSecurityHeaders(t *testing.T) {
	s := newServer(t, &config.Config{Server: config.Server{AdminEndpointEnabled: true, PprofEnabled: true}})
	for listener, handler := range map[string]http.Handler{"main": s.Main(), "management": s.Management()} {
		for _, target := range []string{
			"/", "/healthcheck", "/openapi.yaml", "/schemas/avro/consumer/commit", "/socket/in", "//x",
			"/livez", "/readyz", "/metrics", "/admin/client/config", "/debug/pprof/cmdline",
		} {
			answer := ask(handler, "GET", target)
			for name, want := range map[string]string{
				"X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Referrer-Policy": "no-referrer",
				"Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'", "Strict-Transport-Security": "",
			} {
				if got := answer.Header().Get(name); got != want {
					t.Errorf("%s %s: %s is %q", listener, target, name, got)
				}
			}
			cache := "no-store"
			if answer.Code == http.StatusOK && (target == "/openapi.yaml" || strings.HasPrefix(target, "/schemas/")) {
				cache = "no-cache"
			}
			if got := answer.Header().Get("Cache-Control"); got != cache {
				t.Errorf("%s %s: Cache-Control is %q", listener, target, got)
			}
		}
	}
}

func TestPathsThatAreNotClean(t *testing.T) {
	s := newServer(t, &config.Config{Server: config.Server{PathPrefix: "/p", AdminEndpointEnabled: true}})
	for listener, handler := range map[string]http.Handler{"main": s.Main(), "management": s.Management()} {
		for _, path := range []string{
			"//healthcheck", "/healthcheck//", "/p//healthcheck", "/p/../healthcheck", "/./healthcheck", "/healthcheck/..",
			"/socket/../healthcheck", "//", "//evil.example/healthcheck", "/admin//sessions", "/livez/.", "/p//",
		} {
			r := httptest.NewRequest(http.MethodGet, "/", nil)
			r.URL.Path, r.URL.RawPath = path, ""
			w := httptest.NewRecorder()
			handler.ServeHTTP(w, r)
			if location := w.Header().Get("Location"); location != "" {
				t.Errorf("%s %s: redirected to %s", listener, path, location)
			}
			checkError(t, w, proxy.KindNotFound)
		}
	}
	for _, path := range []string{"/%2e%2e/healthcheck", "/socket%2Fin", "/healthcheck%2F", "/%2fhealthcheck", "/p/%2e%2e/healthcheck"} {
		checkError(t, ask(s.Main(), "GET", path), proxy.KindNotFound)
	}
}

// TestWhoAsksAreThoseBehindProxies checks which address counts as that of a client.
func TestWhoAsksAreThoseBehindProxies(t *testing.T) {
	c := &config.Config{Server: config.Server{TrustedProxies: []string{"192.0.2.0/24"}, MaxConnectionsPerAddress: 1}}
	s := newServer(t, c)
	withKafka(t, s)
	if e := s.Sockets.Admit("198.51.100.1"); e != nil {
		t.Fatal(e)
	}
	defer s.Sockets.Leave("198.51.100.1", nil)
	for forwarded, kind := range map[string]proxy.Kind{
		"198.51.100.1":               proxy.KindLimitReached,
		"198.51.100.2, 198.51.100.1": proxy.KindLimitReached,
		"198.51.100.1, 198.51.100.2": proxy.KindUpgradeRequired,
		"":                           proxy.KindUpgradeRequired,
	} {
		answer := askAdmin(s.Main(), "GET", "/socket/in?clientId=c&topic=t", "", "X-Forwarded-For", forwarded) // from 192.0.2.1
		checkError(t, answer, kind)
		if kind == proxy.KindLimitReached && answer.Header().Get("Retry-After") == "" {
			t.Errorf("%s: no Retry-After", forwarded)
		}
	}
}

// TestHandshakesBeyondTheMostAreOverloaded has handshakes in progress.
func TestHandshakesBeyondTheMostAreOverloaded(t *testing.T) {
	s := newServer(t, &config.Config{Server: config.Server{MaxHandshakes: 1}})
	withKafka(t, s)
	through, e := s.Sockets.Enter("192.0.2.1:1")
	if e != nil {
		t.Fatal(e)
	}
	answer := ask(s.Main(), "GET", "/socket/in?clientId=c&topic=t")
	checkError(t, answer, proxy.KindOverloaded)
	if answer.Header().Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
	if answer := ask(s.Main(), "GET", "/healthcheck"); answer.Code != http.StatusOK {
		t.Errorf("/healthcheck answers %d", answer.Code)
	}
	through()
	for range 3 { // each gives its place back
		checkError(t, ask(s.Main(), "GET", "/socket/in?clientId=c&topic=t"), proxy.KindUpgradeRequired)
	}
}

// TestAnOpenSocketIsNoHandshake opens more sockets than there may be handshakes.
func TestAnOpenSocketIsNoHandshake(t *testing.T) {
	s := newServer(t, &config.Config{Server: config.Server{MaxHandshakes: 1}})
	withKafka(t, s)
	listener := httptest.NewServer(s.Main())
	defer listener.Close()
	for range 3 {
		c, _, err := websocket.Dial(t.Context(), listener.URL+"/socket/in?clientId=c&topic=t", nil) //nolint:bodyclose // the library closes it
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.CloseNow() })
	}
}

// TestRefusalsBeyondTheMostComeByStatus makes refusals that no client reads.
func TestRefusalsBeyondTheMostComeByStatus(t *testing.T) {
	s := newServer(t, &config.Config{Server: config.Server{MaxHandshakes: 1}})
	listener := httptest.NewServer(s.Main())
	defer listener.Close()
	unread, err := net.Dial("tcp", listener.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer unread.Close()
	if status := upgrade(t, unread, "/socket/in?handshakeErrors=close", ""); status != "101 Switching Protocols" {
		t.Fatalf("got %s", status)
	}
	another, err := net.Dial("tcp", listener.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer another.Close()
	if status := upgrade(t, another, "/socket/in?handshakeErrors=close", ""); status != "400 Bad Request" {
		t.Errorf("got %s", status)
	}
}

// upgrade asks for a WebSocket and returns the answer's status.
func upgrade(t *testing.T, c net.Conn, target, headers string) string {
	t.Helper()
	status, _ := rawAsk(t, c, target, "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"+headers)
	return status
}

// rawAsk sends a request with some headers, and reads the status line and the headers of the answer,
// of which http.Response hides some.
func rawAsk(t *testing.T, c net.Conn, target, headers string) (status string, answer textproto.MIMEHeader) {
	t.Helper()
	if _, err := fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: localhost\r\n%s\r\n", target, headers); err != nil {
		t.Fatal(err)
	}
	reader := textproto.NewReader(bufio.NewReader(c))
	line, err := reader.ReadLine()
	if err != nil {
		t.Fatal(err)
	}
	if answer, err = reader.ReadMIMEHeader(); err != nil {
		t.Fatal(err)
	}
	_, status, _ = strings.Cut(line, " ")
	return status, answer
}

// TestUpgradeRequiredSaysHow asks with and without the wish to go on afterwards.
func TestUpgradeRequiredSaysHow(t *testing.T) {
	s := newServer(t, new(config.Config))
	withKafka(t, s)
	listener := httptest.NewServer(s.Main())
	defer listener.Close()
	for headers, want := range map[string]string{"": "Upgrade", "Connection: close\r\n": "Upgrade, close", "Connection: keep-alive, close\r\n": "Upgrade, close"} {
		c, err := net.Dial("tcp", listener.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		status, answer := rawAsk(t, c, "/socket/in?clientId=c&topic=t", headers)
		_ = c.Close()
		if got := strings.Join(answer["Connection"], ", "); status != "426 Upgrade Required" || got != want || answer.Get("Upgrade") != "websocket" {
			t.Errorf("%q: got %s, Connection: %s, Upgrade: %s", headers, status, got, answer.Get("Upgrade"))
		}
	}
}
