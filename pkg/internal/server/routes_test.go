package server

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/auth"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/clientcfg"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/config"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/health"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/cluster"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/consume"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/produce"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/metrics"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/socket"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// newServer returns a server without Kafka.
func newServer(t *testing.T, c *config.Config) *Server {
	t.Helper()
	if c.Security.AllowedTopics == nil {
		c.Security.AllowedTopics, c.Security.AllowedGroups = []string{"*"}, []string{"*"}
	}
	c.Sockets.PingInterval, c.Sockets.PongTimeout, c.Sockets.WriteTimeout = time.Minute, time.Minute, time.Minute
	c.Sockets.MaxMessageBytes = 1 << 20
	m := metrics.New(prometheus.NewRegistry(), metrics.Build{})
	return &Server{
		Config: c, Sockets: socket.NewRegistry(socket.Limits{
			Connections: c.Sockets.MaxConnections, PerAddress: c.Server.MaxConnectionsPerAddress, Handshakes: c.Server.MaxHandshakes,
		}), Metrics: m,
		Checks: health.New(m.SetReady, "kafka"), Log: slog.New(slog.DiscardHandler),
		Auth: new(auth.Chain), Guesses: NewGuesses(), Refusals: NewRefusals(slog.New(slog.DiscardHandler), new(auth.Chain).Claimed), Limits: clientcfg.New(clientcfg.Options{}),
		SessionsReady: func() error { return nil },
	}
}

// withKafka gives the server a broker with the topic "t".
func withKafka(t *testing.T, s *Server) *kfake.Cluster {
	t.Helper()
	broker, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(3, "t"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(broker.Close)
	connect(t, s, broker.ListenAddrs(), nil)
	return broker
}

func connect(t *testing.T, s *Server, hosts []string, dial func(context.Context, string, string) (net.Conn, error)) {
	t.Helper()
	s.Config.Kafka.BootstrapHosts = hosts
	s.Config.Kafka.ClientRequestTimeout, s.Config.Kafka.ClientIdleTimeout = 10*time.Second, time.Minute
	s.Config.Kafka.ProducerDeliveryTimeout, s.Config.Kafka.MaxProducerClients = 10*time.Second, 10
	s.Config.Producers.MaxInFlight = 10
	brokers, err := cluster.Connect(&s.Config.Kafka, cluster.Environment{Log: s.Log, Metrics: s.Metrics, Dial: dial})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(brokers.Close)
	s.Cluster, s.Topics = brokers, brokers.WatchTopics()
	t.Cleanup(s.Topics.Close)
	s.Producers, s.Consumers = produce.NewPool(brokers), consume.NewConsumers(brokers, nil)
	t.Cleanup(s.Consumers.Close)
	t.Cleanup(func() { s.Producers.Close(context.WithoutCancel(t.Context())) })
}

func ask(handler http.Handler, method, target string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, httptest.NewRequest(method, target, nil))
	return w
}

// checkError checks that an answer is an error as clients know it, and returns its message.
func checkError(t *testing.T, answer *httptest.ResponseRecorder, kind proxy.Kind) string {
	t.Helper()
	var body map[string]string
	if err := json.NewDecoder(answer.Body).Decode(&body); err != nil {
		t.Fatal(err)
	}
	if contentType := answer.Header().Get("Content-Type"); answer.Code != kind.Class().Status || contentType != "application/json" {
		t.Errorf("got %d, %s", answer.Code, contentType)
	}
	if len(body) != 2 || body["code"] != kind.Class().Code || !strings.HasSuffix(body["message"], ".") {
		t.Errorf("got the body %v", body)
	}
	return body["message"]
}

func TestMainRoutes(t *testing.T) {
	s := newServer(t, &config.Config{Server: config.Server{PathPrefix: "/kafka"}})
	withKafka(t, s)
	for name, test := range map[string]struct {
		method, target string
		status         int
		kind           proxy.Kind // of an error
	}{
		"healthcheck":                  {"GET", "/healthcheck", 200, 0},
		"healthcheck, HEAD":            {"HEAD", "/healthcheck", 200, 0},
		"healthcheck, prefixed":        {"GET", "/kafka/healthcheck", 200, 0},
		"healthcheck, POST":            {"POST", "/healthcheck", 405, proxy.KindMethodNotAllowed},
		"healthcheck, POST, prefixed":  {"POST", "/kafka/healthcheck", 405, proxy.KindMethodNotAllowed},
		"brokers":                      {"GET", "/kafka/cluster/info", 200, 0},
		"brokers, prefixed":            {"GET", "/kafka/kafka/cluster/info", 200, 0},
		"brokers, DELETE":              {"DELETE", "/kafka/cluster/info", 405, proxy.KindMethodNotAllowed},
		"OpenAPI":                      {"GET", "/openapi.yaml", 200, 0},
		"OpenAPI, prefixed, HEAD":      {"HEAD", "/kafka/openapi.yaml", 200, 0},
		"AsyncAPI":                     {"GET", "/asyncapi.yaml", 200, 0},
		"AsyncAPI, POST":               {"POST", "/asyncapi.yaml", 405, proxy.KindMethodNotAllowed},
		"in, not a WebSocket":          {"GET", "/socket/in?clientId=c&topic=t", 426, proxy.KindUpgradeRequired},
		"in, prefixed":                 {"GET", "/kafka/socket/in?clientId=c&topic=t", 426, proxy.KindUpgradeRequired},
		"in, HEAD":                     {"HEAD", "/socket/in?clientId=c&topic=t", 426, proxy.KindUpgradeRequired},
		"in, PUT":                      {"PUT", "/socket/in?clientId=c&topic=t", 405, proxy.KindMethodNotAllowed},
		"out, not a WebSocket":         {"GET", "/socket/out?clientId=c&topic=t", 426, proxy.KindUpgradeRequired},
		"out, no parameters":           {"GET", "/socket/out", 400, proxy.KindMissingParameter},
		"out, no such topic":           {"GET", "/socket/out?clientId=c&topic=none", 400, proxy.KindTopicNotFound},
		"out, internal topic":          {"GET", "/socket/out?clientId=c&topic=__none", 403, proxy.KindNotAuthorized},
		"close asked, not a WebSocket": {"GET", "/socket/out?handshakeErrors=close", 400, proxy.KindMissingParameter},
		"root":                         {"GET", "/", 404, proxy.KindNotFound},
		"unknown":                      {"POST", "/socket", 404, proxy.KindNotFound},
		"below a route":                {"GET", "/healthcheck/x", 404, proxy.KindNotFound},
		"unknown, prefixed":            {"GET", "/kafka/nothing", 404, proxy.KindNotFound},
		"of the management listener":   {"GET", "/metrics", 404, proxy.KindNotFound},
	} {
		t.Run(name, func(t *testing.T) {
			answer := ask(s.Main(), test.method, test.target)
			if answer.Code != test.status {
				t.Fatalf("got %d", answer.Code)
			}
			if allow := answer.Header().Get("Allow"); (allow == "GET, HEAD") != (test.status == 405) {
				t.Errorf("Allow is %q", allow)
			}
			if test.kind != proxy.KindInternal {
				checkError(t, answer, test.kind)
			}
		})
	}
}

func TestManagementRoutes(t *testing.T) {
	for name, test := range map[string]struct {
		pprof          bool
		method, target string
		status         int
	}{
		"live":               {false, "GET", "/livez", 200},
		"live, HEAD":         {false, "HEAD", "/livez", 200},
		"live, POST":         {false, "POST", "/livez", 405},
		"unready":            {false, "GET", "/readyz", 503},
		"unready, PUT":       {false, "PUT", "/readyz", 405},
		"metrics":            {false, "GET", "/metrics", 200},
		"metrics, DELETE":    {false, "DELETE", "/metrics", 405},
		"profiles, off":      {false, "GET", "/debug/pprof/", 404},
		"profiles, on":       {true, "GET", "/debug/pprof/", 200},
		"of the main":        {false, "GET", "/healthcheck", 404},
		"admin, not yet":     {false, "GET", "/admin/sessions", 404},
		"sockets, elsewhere": {false, "GET", "/socket/in", 404},
	} {
		t.Run(name, func(t *testing.T) {
			s := newServer(t, &config.Config{Server: config.Server{PprofEnabled: test.pprof}})
			if answer := ask(s.Management(), test.method, test.target); answer.Code != test.status {
				t.Errorf("got %d", answer.Code)
			}
		})
	}
}

func TestBodies(t *testing.T) {
	s := newServer(t, &config.Config{})
	broker := withKafka(t, s)
	for target, want := range map[string]string{
		"/healthcheck": `{"response":"I'm healthy"}`,
		"/kafka/cluster/info": `[{"id":0,"host":"127.0.0.1","port":` + broker.ListenAddrs()[0][len("127.0.0.1:"):] +
			`,"rack":"krack"}]`,
	} {
		answer := ask(s.Main(), "GET", target)
		if body := answer.Body.String(); strings.TrimSpace(body) != want || answer.Header().Get("Content-Type") != "application/json" {
			t.Errorf("%s: got %s, want %s", target, body, want)
		}
	}
}

func TestSpecificationsAreServed(t *testing.T) {
	s := newServer(t, &config.Config{})
	for target, begin := range map[string]string{"/openapi.yaml": "openapi: 3.1", "/asyncapi.yaml": "asyncapi: 3.0"} {
		answer := ask(s.Main(), "GET", target)
		if kind := answer.Header().Get("Content-Type"); kind != "application/yaml" || !strings.HasPrefix(answer.Body.String(), begin) {
			t.Errorf("%s: got %s, %.40q", target, kind, answer.Body.String())
		}
	}
}

// TestKafkaDown bounds what clients wait for while no broker answers.
func TestKafkaDown(t *testing.T) {
	s := newServer(t, &config.Config{})
	connect(t, s, []string{"kafka:9092"}, func(context.Context, string, string) (net.Conn, error) {
		return nil, errors.New("secret of the network")
	})
	for _, target := range []string{"/kafka/cluster/info", "/socket/in?clientId=c&topic=t", "/socket/out?clientId=c&topic=t"} {
		began := time.Now()
		answer := ask(s.Main(), "GET", target)
		if answer.Header().Get("Retry-After") == "" {
			t.Errorf("%s: no Retry-After", target)
		}
		if message := checkError(t, answer, proxy.KindKafkaUnavailable); strings.Contains(message, "secret") {
			t.Errorf("%s leaks %q", target, message)
		}
		if took := time.Since(began); took > 5*time.Second {
			t.Errorf("%s took %s", target, took)
		}
	}
}

func TestWriteError(t *testing.T) {
	for kind, retry := range map[proxy.Kind]bool{
		proxy.KindInvalidParameter: false, proxy.KindNotAuthorized: false, proxy.KindInternal: false,
		proxy.KindShuttingDown: true, proxy.KindOverloaded: true, proxy.KindLimitReached: true,
	} {
		t.Run(kind.String(), func(t *testing.T) {
			w := httptest.NewRecorder()
			writeError(w, proxy.Wrap(errors.New("secret"), kind, "Something is <wrong>."))
			if (w.Header().Get("Retry-After") != "") != retry {
				t.Errorf("Retry-After is %q", w.Header().Get("Retry-After"))
			}
			if strings.Contains(w.Body.String(), "secret") {
				t.Error(w.Body.String())
			}
			if message := checkError(t, w, kind); message != "Something is <wrong>." {
				t.Errorf("got %q", message)
			}
		})
	}
}

// TestRefusalOrder goes through the steps of a handshake: with all that can be wrong, the
// first step answers, and so on.
func TestRefusalOrder(t *testing.T) {
	s := newServer(t, &config.Config{Sockets: config.Sockets{MaxConnections: 1}})
	withKafka(t, s)
	for _, step := range []struct {
		name, query, origin string
		full                bool
		kind                proxy.Kind
	}{
		{"full", "", "https://evil.org", true, proxy.KindOverloaded},
		{"origin", "", "https://evil.org", false, proxy.KindNotAuthorized},
		{"parameters", "topic=__t", "", false, proxy.KindMissingParameter},
		{"allowed", "topic=__t&clientId=c", "", false, proxy.KindNotAuthorized},
		{"exists", "topic=none&clientId=c", "", false, proxy.KindTopicNotFound},
		{"WebSocket", "topic=t&clientId=c", "", false, proxy.KindUpgradeRequired},
	} {
		t.Run(step.name, func(t *testing.T) {
			if step.full {
				if e := s.Sockets.Admit("192.0.2.1:1"); e != nil {
					t.Fatal(e)
				}
				defer s.Sockets.Leave("192.0.2.1:1", nil)
			}
			r := httptest.NewRequest(http.MethodGet, "/socket/in?"+step.query, nil)
			if step.origin != "" {
				r.Header.Set("Origin", step.origin)
			}
			w := httptest.NewRecorder()
			s.Main().ServeHTTP(w, r)
			checkError(t, w, step.kind)
		})
	}
}

// TestRefusalByClosing reads a refusal as a browser does.
func TestRefusalByClosing(t *testing.T) {
	s := newServer(t, &config.Config{})
	withKafka(t, s)
	listener := httptest.NewServer(s.Main())
	defer listener.Close()
	for query, kind := range map[string]proxy.Kind{
		"clientId=c":            proxy.KindMissingParameter,
		"clientId=c&topic=none": proxy.KindTopicNotFound,
		"clientId=c&topic=__t":  proxy.KindNotAuthorized,
	} {
		t.Run(kind.String(), func(t *testing.T) {
			c, answer, err := websocket.Dial(t.Context(), listener.URL+"/socket/out?handshakeErrors=close&"+query, nil) //nolint:bodyclose // the library closes it
			if err != nil {
				t.Fatal(err, answer)
			}
			defer func() { _ = c.CloseNow() }()
			_, frame, err := c.Read(t.Context())
			if err != nil || !strings.HasPrefix(string(frame), `{"error":{"code":"`+kind.String()+`"`) {
				t.Fatalf("got %s, %v", frame, err)
			}
			if _, _, err = c.Read(t.Context()); websocket.CloseStatus(err) != websocket.StatusCode(kind.Class().Close) {
				t.Errorf("got %v, want close %d", err, kind.Class().Close)
			}
		})
	}
}

func TestCheckUpgrade(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*http.Request)
		says   string // nothing where it is a WebSocket request
	}{
		"as it should be": {func(*http.Request) {}, ""},
		"tokens in lists and case": {func(r *http.Request) {
			r.Header.Set("Connection", "keep-alive, UPGRADE")
			r.Header.Set("Upgrade", "h2c, WebSocket")
		}, ""},
		"two Connection headers": {func(r *http.Request) {
			r.Header["Connection"] = []string{"keep-alive", "Upgrade"}
		}, ""},
		"HEAD":              {func(r *http.Request) { r.Method = "HEAD" }, "GET of HTTP/1.1"},
		"HTTP/1.0":          {func(r *http.Request) { r.ProtoMinor = 0 }, "GET of HTTP/1.1"},
		"no Connection":     {func(r *http.Request) { r.Header.Del("Connection") }, "Connection"},
		"other Connection":  {func(r *http.Request) { r.Header.Set("Connection", "upgraded") }, "Connection"},
		"no Upgrade":        {func(r *http.Request) { r.Header.Del("Upgrade") }, "Upgrade"},
		"old version":       {func(r *http.Request) { r.Header.Set("Sec-WebSocket-Version", "8") }, "Version"},
		"no key":            {func(r *http.Request) { r.Header.Del("Sec-WebSocket-Key") }, "Key"},
		"key not base64":    {func(r *http.Request) { r.Header.Set("Sec-WebSocket-Key", "!") }, "Key"},
		"key of 15 bytes":   {func(r *http.Request) { r.Header.Set("Sec-WebSocket-Key", "AAAAAAAAAAAAAAAAAAAA") }, "Key"},
		"two keys":          {func(r *http.Request) { r.Header.Add("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==") }, "Key"},
		"empty Upgrade":     {func(r *http.Request) { r.Header.Set("Upgrade", "") }, "Upgrade"},
		"version not given": {func(r *http.Request) { r.Header.Del("Sec-WebSocket-Version") }, "Version"},
	} {
		t.Run(name, func(t *testing.T) {
			r := httptest.NewRequest(http.MethodGet, "/socket/in", nil)
			r.Header.Set("Connection", "Upgrade")
			r.Header.Set("Upgrade", "websocket")
			r.Header.Set("Sec-WebSocket-Version", "13")
			r.Header.Set("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")
			test.change(r)
			e := checkUpgrade(r)
			if (e == nil) != (test.says == "") {
				t.Fatalf("got %v", e)
			}
			if e != nil && (e.Kind != proxy.KindUpgradeRequired || !strings.Contains(e.Message, test.says)) {
				t.Errorf("got %v", e)
			}
		})
	}
}
