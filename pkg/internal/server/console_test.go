package server

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/coder/websocket"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/config"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// newConsole returns the management listener's handler of a server with the console and a broker.
func newConsole(t *testing.T, c *config.Config) http.Handler {
	t.Helper()
	c.Server.AdminEndpointEnabled, c.Server.ConsoleEnabled = true, true
	s := newServer(t, c)
	withKafka(t, s)
	return s.Management()
}

func TestTheConsoleIsThereOnlyWhereEnabled(t *testing.T) {
	s := newServer(t, &config.Config{Server: config.Server{AdminEndpointEnabled: true}})
	for _, path := range []string{"/console", "/console/", "/console/js/app.js", "/socket/tail", "/socket/in"} {
		checkError(t, ask(s.Management(), "GET", path), proxy.KindNotFound)
	}
	handler := newConsole(t, new(config.Config))
	if answer := ask(handler, "GET", "/console"); answer.Code != http.StatusPermanentRedirect || answer.Header().Get("Location") != "/console/" {
		t.Errorf("got %d, %v", answer.Code, answer.Header())
	}
	answer := ask(handler, "GET", "/console/")
	if answer.Code != http.StatusOK || answer.Header().Get("X-Frame-Options") != "DENY" || !strings.Contains(answer.Header().Get("Content-Security-Policy"), "frame-ancestors 'none'") {
		t.Errorf("got %d, %v", answer.Code, answer.Header())
	}
	checkError(t, ask(handler, "POST", "/console/"), proxy.KindMethodNotAllowed)
	checkError(t, ask(handler, "GET", "/console/nothing"), proxy.KindNotFound)
}

// TestTheConsoleIsForAdministrators asks for its page and for its sockets with and without their credentials.
func TestTheConsoleIsForAdministrators(t *testing.T) {
	c := new(config.Config)
	c.Security.AdminBasicAuthUsername, c.Security.AdminBasicAuthPassword = "root", "sesame"
	handler := newConsole(t, c)
	for _, path := range []string{"/console/", "/console/settings.json", "/console/js/app.js", "/socket/tail?topic=t", "/socket/in?topic=t&clientId=c"} {
		checkError(t, ask(handler, "GET", path), proxy.KindNotAuthenticated)
		r := httptest.NewRequest(http.MethodGet, path, nil)
		r.SetBasicAuth("root", "sesame")
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		if want := map[bool]int{true: http.StatusUpgradeRequired, false: http.StatusOK}[strings.HasPrefix(path, "/socket")]; w.Code != want {
			t.Errorf("%s: got %d, want %d", path, w.Code, want)
		}
	}
}

// TestAdministratorsReadWhateverThePolicy has a policy that names others alone: it does not bind who has the
// credentials that are set for administrators.
func TestAdministratorsReadWhateverThePolicy(t *testing.T) {
	for name, who := range map[string]proxy.Principal{"an administrator": {Method: proxy.MethodAdmin, Name: "root"}, "a client of its name": {Method: proxy.MethodUser, Name: "root"}} {
		s := newServer(t, new(config.Config))
		withAlice(t, s)
		e := s.permitted(&flow{topic: "t"}, &proxy.Identity{Principal: who})
		if allowed := e == nil; allowed != (who.Method == proxy.MethodAdmin) {
			t.Errorf("%s: %v", name, e)
		}
	}
}

// TestOnlyTheConsoleOpensSocketsOfTheManagementListener opens sockets from pages of other origins, those of clients
// included.
func TestOnlyTheConsoleOpensSocketsOfTheManagementListener(t *testing.T) {
	for name, test := range map[string]struct {
		origin, host string
		credentials  bool
		opens        bool
	}{
		"a program":                    {"", "10.0.0.1:9078", false, true},
		"its page by an address":       {"http://10.0.0.1:9078", "10.0.0.1:9078", false, true},
		"its page by IPv6":             {"http://[::1]:9078", "[::1]:9078", false, true},
		"its page on this machine":     {"http://localhost:9078", "localhost:9078", false, true},
		"its page by a name":           {"http://proxy.internal:9078", "proxy.internal:9078", true, true},
		"a page of clients":            {"https://app.example.org", "10.0.0.1:9078", false, false},
		"a page of another site":       {"https://evil.example", "10.0.0.1:9078", true, false},
		"a page without an origin":     {"null", "10.0.0.1:9078", true, false},
		"a foreign name for this host": {"http://evil.example:9078", "evil.example:9078", false, false},
		"a name of clients":            {"https://app.example.org", "app.example.org", false, true},
	} {
		t.Run(name, func(t *testing.T) {
			c := new(config.Config)
			c.Sockets.AllowedOrigins = []string{"https://app.example.org"}
			if test.credentials {
				c.Security.AdminBasicAuthUsername, c.Security.AdminBasicAuthPassword = "root", "sesame"
			}
			r := httptest.NewRequest(http.MethodGet, "/socket/in?topic=t&clientId=c", nil)
			r.SetBasicAuth("root", "sesame")
			r.Host = test.host
			if test.origin != "" {
				r.Header.Set("Origin", test.origin)
			}
			w := httptest.NewRecorder()
			newConsole(t, c).ServeHTTP(w, r)
			if test.opens && w.Code != http.StatusUpgradeRequired || !test.opens && w.Code != http.StatusForbidden {
				t.Errorf("got %d %s", w.Code, w.Body)
			}
		})
	}
}

// TestAnAdministratorProduces opens a socket of the management listener, and writes to it.
func TestAnAdministratorProduces(t *testing.T) {
	c := new(config.Config)
	c.Security.AdminBasicAuthUsername, c.Security.AdminBasicAuthPassword = "root", "sesame"
	listener := httptest.NewServer(newConsole(t, c))
	t.Cleanup(listener.Close)
	header := http.Header{}
	good := httptest.NewRequest(http.MethodGet, "/", nil)
	good.SetBasicAuth("root", "sesame")
	header.Set("Authorization", good.Header.Get("Authorization"))
	socket, _, err := websocket.Dial(t.Context(), "ws"+strings.TrimPrefix(listener.URL, "http")+"/socket/in?topic=t&clientId=c", &websocket.DialOptions{HTTPHeader: header}) //nolint:bodyclose // the library closes it
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = socket.CloseNow() }()
	if err := socket.Write(t.Context(), websocket.MessageText, []byte(`{"value":{"value":"v"}}`)); err != nil {
		t.Fatal(err)
	}
	if _, answer, err := socket.Read(t.Context()); err != nil || !strings.HasPrefix(string(answer), `{"topic":"t"`) {
		t.Errorf("got %s, %v", answer, err)
	}
}
