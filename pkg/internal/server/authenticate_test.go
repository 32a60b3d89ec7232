package server

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/auth"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/config"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/policy"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// The one client that can authenticate, and what it may do.
const (
	aliceHeader = "Basic YWxpY2U6c2VzYW1l" // alice:sesame
	alicePolicy = `rules: [{subjects: [alice], produce: [t, none], consume: [t], groups: ["ops-*"]}]`
)

// withAlice makes alice the only user.
func withAlice(t *testing.T, s *Server) {
	t.Helper()
	s.Auth.Basic = auth.NewBasic("alice", "sesame")
	s.Policy = policy.NewFile("policy.yaml")
	if err := s.Policy.Use([][]byte{[]byte(alicePolicy)}); err != nil {
		t.Fatal(err)
	}
}

func askWith(handler http.Handler, target string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.RequestURI = target
	parsed, err := r.URL.Parse(target)
	if err != nil {
		panic(err) // a test's own
	}
	r.URL = parsed
	for i := 0; i < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, r)
	return w
}

// TestHandshakeOrder makes requests with many faults: the answer tells the first one in order.
func TestHandshakeOrder(t *testing.T) {
	s := newServer(t, new(config.Config))
	withKafka(t, s)
	withAlice(t, s)
	const foreign = "http://evil.example"
	for _, test := range []struct {
		name          string
		target        string
		origin, alice bool // whether they are right
		kafka         string
		kind          proxy.Kind
	}{
		{"all is wrong", "/socket/in?topic=__x&clientId=", false, false, "garbage", proxy.KindNotAuthorized},
		{"all but the origin", "/socket/in?topic=__x&clientId=", true, false, "garbage", proxy.KindNotAuthenticated},
		{"all but the origin and what is for Kafka", "/socket/in?topic=__x&clientId=", true, false, "", proxy.KindNotAuthenticated},
		{"what is for Kafka", "/socket/in?topic=__x&clientId=", true, true, "garbage", proxy.KindNotAuthenticated},
		{"the parameters", "/socket/in?topic=__x&clientId=", true, true, "", proxy.KindMissingParameter},
		{"a token in the URL, alone", "/socket/in?topic=t&clientId=c&access_token=x", true, false, "", proxy.KindNotAuthenticated},
		{"a token in the URL", "/socket/in?topic=t&clientId=c&access_token=x", true, true, "", proxy.KindInvalidParameter},
		{"the topic by the settings", "/socket/in?topic=__x&clientId=c", true, true, "", proxy.KindNotAuthorized},
		{"the topic by the policy", "/socket/in?topic=other&clientId=c", true, true, "", proxy.KindNotAuthorized},
		{"the topic by the policy, consumed", "/socket/out?topic=none&groupId=ops-1&clientId=c", true, true, "", proxy.KindNotAuthorized},
		{"the group by the policy", "/socket/out?topic=t&groupId=dev-1&clientId=c", true, true, "", proxy.KindNotAuthorized},
		{"the group that follows from the client", "/socket/out?topic=t&clientId=c", true, true, "", proxy.KindNotAuthorized},
		{"that the topic is there", "/socket/in?topic=none&clientId=c", true, true, "", proxy.KindTopicNotFound},
		{"nothing but the upgrade, produced", "/socket/in?topic=t&clientId=c", true, true, "", proxy.KindUpgradeRequired},
		{"nothing but the upgrade, consumed", "/socket/out?topic=t&groupId=ops-1&clientId=c", true, true, "", proxy.KindUpgradeRequired},
	} {
		headers := []string{"Origin", foreign}
		if test.origin {
			headers[1] = "http://example.com"
		}
		if test.alice {
			headers = append(headers, "Authorization", aliceHeader)
		}
		if test.kafka != "" {
			headers = append(headers, "X-Kafka-Auth", test.kafka)
		}
		t.Run(test.name, func(t *testing.T) {
			answer := askWith(s.Main(), test.target, headers...)
			checkError(t, answer, test.kind)
			if challenged := answer.Header().Get("WWW-Authenticate") != ""; challenged != (answer.Code == 401) {
				t.Errorf("with %d WWW-Authenticate is %q", answer.Code, answer.Header().Values("WWW-Authenticate"))
			}
		})
	}
}

func TestClientsMustAuthenticate(t *testing.T) {
	s := newServer(t, &config.Config{Server: config.Server{PathPrefix: "/kafka", SecureHealthcheck: true}})
	withKafka(t, s)
	withAlice(t, s)
	main := s.Main()
	for _, prefix := range []string{"", "/kafka"} {
		for _, path := range []string{
			"/kafka/cluster/info", "/schemas/avro/producer/record", "/schemas/avro/consumer/commit", "/healthcheck",
			"/socket/in?clientId=c&topic=t", "/socket/out?clientId=c&topic=t&groupId=ops-1",
		} {
			answer := askWith(main, prefix+path)
			if message := checkError(t, answer, proxy.KindNotAuthenticated); !strings.Contains(message, "never in the URL") {
				t.Errorf("%s: it says %q", path, message)
			}
			if got := answer.Header().Get("WWW-Authenticate"); got != `Basic realm="wsproxy", charset="UTF-8"` {
				t.Errorf("%s: WWW-Authenticate is %q", path, got)
			}
			if answer := askWith(main, prefix+path, "Authorization", aliceHeader); answer.Code != 200 && answer.Code != 426 {
				t.Errorf("%s: alice got %d %s", path, answer.Code, answer.Body)
			}
		}
		for _, path := range []string{"/openapi.yaml", "/asyncapi.yaml"} {
			if answer := askWith(main, prefix+path); answer.Code != 200 {
				t.Errorf("%s: got %d", path, answer.Code)
			}
		}
	}
	s.Config.Server.SecureHealthcheck = false
	if answer := askWith(s.Main(), "/healthcheck"); answer.Code != 200 {
		t.Errorf("the open healthcheck: got %d", answer.Code)
	}
}

// TestNoWayAround requests what needs credentials by other spellings of the paths.
func TestNoWayAround(t *testing.T) {
	s := newServer(t, &config.Config{Server: config.Server{PathPrefix: "/p", SecureHealthcheck: true}})
	withKafka(t, s)
	withAlice(t, s)
	for _, target := range []string{
		"/kafka%2Fcluster%2Finfo", "/kafka/cluster%2finfo", "/%6bafka/cluster/info", "//kafka/cluster/info", "/kafka//cluster/info",
		"/x/../kafka/cluster/info", "/openapi.yaml/../kafka/cluster/info", "/openapi.yaml/%2e%2e/kafka/cluster/info",
		"/./kafka/cluster/info", "/kafka/cluster/info/", "/kafka/cluster/info;x", "/KAFKA/cluster/info", "/p/../kafka/cluster/info",
		"/p/p/kafka/cluster/info", "/kafka/cluster/info%00", "/kafka/cluster/info?x=/openapi.yaml", "/kafka/cluster/info#/openapi.yaml",
		"/socket/in/../out?topic=t&clientId=c", "/socket/..%2Fsocket/out?topic=t&clientId=c", "/socket%2Fin?topic=t&clientId=c",
	} {
		answer := askWith(s.Main(), target)
		if answer.Code < 300 || strings.Contains(answer.Body.String(), "krack") { // the brokers' rack
			t.Errorf("%s: got %d %s", target, answer.Code, answer.Body)
		}
	}
}

// TestFaultyTextInParameters sends line breaks and paths in parameters. They reach neither headers nor
// logs.
func TestFaultyTextInParameters(t *testing.T) {
	s := newServer(t, new(config.Config))
	withKafka(t, s)
	withAlice(t, s)
	for name, query := range map[string]string{
		"CRLF in the clientId":           "topic=t&clientId=c%0d%0aSet-Cookie:%20x",
		"CRLF in the topic":              "topic=t%0d%0aX:y&clientId=c",
		"CRLF in the group":              "topic=t&clientId=c&groupId=ops-1%0d%0aX:y",
		"CRLF in a name":                 "topic=t&clientId=c&x%0d%0aY:z=1&handshakeErrors=%0d%0a",
		"a path as the topic":            "topic=../../etc/passwd&clientId=c&groupId=ops-1",
		"an encoded path as the topic":   "topic=..%2F..%2Fetc%2Fpasswd&clientId=c",
		"an escape of escapes":           "topic=%252e%252e&clientId=c",
		"an internal topic, escaped":     "topic=%5F%5Fconsumer_offsets&clientId=c",
		"an internal group":              "topic=t&clientId=c&groupId=__ops",
		"a group that only looks like":   "topic=t&clientId=c&groupId=x%2Fops-1",
		"a group that hides behind NUL":  "topic=t&clientId=c&groupId=ops-1%00",
		"a credential, whatever is else": "topic=t&clientId=c&groupId=ops-1&X-Kafka-Auth=u:p",
	} {
		answer := askWith(s.Main(), "/socket/out?"+query, "Authorization", aliceHeader)
		if answer.Code != 400 && answer.Code != 403 {
			t.Errorf("%s: got %d %s", name, answer.Code, answer.Body)
		}
		if answer.Header().Get("Set-Cookie") != "" || answer.Header().Get("X") != "" || strings.Contains(answer.Body.String(), "\r") {
			t.Errorf("%s: the answer is %v %s", name, answer.Header(), answer.Body)
		}
	}
}

// TestManagementIsClosed where clients must authenticate, but for what looks after the process.
func TestManagementIsClosed(t *testing.T) {
	const rootHeader = "Basic cm9vdDpzZXNhbWU=" // root:sesame
	for name, test := range map[string]struct {
		admin         bool
		rules         string
		alice, root   int // 0 if the request is accepted, else the status
		challengeWith string
	}{
		"credentials of clients":         {false, alicePolicy, 403, 401, `Basic realm="wsproxy"`},
		"credentials of administrators":  {true, alicePolicy, 401, 0, `Basic realm="wsproxy administration"`},
		"a client is an administrator":   {false, `rules: [{subjects: ["user:alice"], admin: true}]`, 0, 401, `Basic realm="wsproxy"`},
		"another is an administrator":    {false, `rules: [{subjects: ["token:alice"], admin: true}]`, 403, 401, `Basic realm="wsproxy"`},
		"both kinds":                     {true, `rules: [{subjects: [alice], admin: true}]`, 0, 0, `Basic realm="wsproxy administration"`},
		"both kinds, but not for alice":  {true, `rules: [{subjects: [bob], admin: true}]`, 403, 0, `Basic realm="wsproxy administration"`},
		"Kafka's users are nobody there": {false, "", 403, 403, ""},
	} {
		t.Run(name, func(t *testing.T) {
			c := &config.Config{Server: config.Server{PprofEnabled: true, AdminEndpointEnabled: true}}
			if test.admin {
				c.Security.AdminBasicAuthUsername, c.Security.AdminBasicAuthPassword = "root", "sesame"
			}
			s := newServer(t, c)
			if test.rules == "" {
				s.Auth.Kafka.Required = true
			} else {
				withAlice(t, s)
				if err := s.Policy.Use([][]byte{[]byte(test.rules)}); err != nil {
					t.Fatal(err)
				}
			}
			management := s.Management()
			for _, path := range []string{"/livez", "/metrics"} {
				if answer := askWith(management, path); answer.Code != 200 {
					t.Errorf("%s: got %d", path, answer.Code)
				}
			}
			for _, path := range []string{"/admin/client/config", "/admin/", "/debug/pprof/", "/console/", "/", "/nothing", "/livez/x", "/admin%2Fclient%2Fconfig"} {
				answer, kind := askWith(management, path), proxy.KindNotAuthenticated
				if test.rules == "" {
					kind = proxy.KindNotAuthorized
				}
				checkError(t, answer, kind)
				if got := answer.Header().Get("WWW-Authenticate"); !strings.HasPrefix(got, test.challengeWith) {
					t.Errorf("%s: WWW-Authenticate is %q", path, got)
				}
				for header, want := range map[string]int{aliceHeader: test.alice, rootHeader: test.root} {
					answer := askWith(management, path, "Authorization", header)
					in := answer.Code != 401 && answer.Code != 403
					if in != (want == 0) || !in && answer.Code != want {
						t.Errorf("%s: %s got %d, want %d", path, header, answer.Code, want)
					}
				}
			}
		})
	}
}
