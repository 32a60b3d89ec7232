package server

import (
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/admin"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/clientcfg"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/config"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/session"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// echo is a log that is read back at once.
type echo struct{ table *clientcfg.Table }

func (e echo) Append(records []clientcfg.Record, done func(error)) {
	for _, r := range records {
		e.table.Read(0, time.Time{}, r.Key, r.Value)
	}
	done(nil)
}

// newAdmin returns the management listener's handler of a server whose limits can be changed.
func newAdmin(t *testing.T, c *config.Config) http.Handler {
	t.Helper()
	c.Server.AdminEndpointEnabled = true
	s := newServer(t, c)
	s.Limits = clientcfg.New(clientcfg.Options{Dynamic: true})
	s.Limits.CaughtUp()
	s.LimitsWriter = clientcfg.NewWriter(s.Limits, echo{s.Limits})
	return s.Management()
}

// askAdmin makes a request with headers given as name, value, name, value.
func askAdmin(handler http.Handler, method, target, body string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, r)
	return w
}

func TestAdminIDsInPaths(t *testing.T) {
	handler := newAdmin(t, new(config.Config))
	for escaped, id := range map[string]string{
		"g": "g", "%2F": "/", "%2F%2F": "//", "a%2Fb": "a/b", "%2E%2E": "..", "%252F": "%2F", "a+b": "a+b", "%3F%23": "?#", "%C3%BC": "ü",
	} {
		for _, base := range []string{"/admin/client/config/consumer/", "/admin/client/config/producer/"} {
			answer := askAdmin(handler, "POST", base+escaped, `{}`)
			if answer.Code != 200 || !strings.Contains(answer.Body.String(), `-id":"`+id+`"`) {
				t.Errorf("%s%s: got %d %s", base, escaped, answer.Code, answer.Body)
			}
		}
	}
	for _, path := range []string{
		"/admin", "/admin/", "/admin/x", "/admin/client/config/", "/admin/client/config/consumer", "/admin/client/config/consumer/",
		"/admin/client/config/consumer/a/b", "/admin/client/config/consumer/a/", "/admin/sessions/", "/admin/sessions/a/b",
		"/admin/consumer-group", "/admin/consumer-group/", "/admin/consumer-group/g/", "/admin/consumer-group/g/describe/",
		"/admin/consumer-group/a/b/describe", "/admin/consumer-group/g/offsets/alter/", "/admin/topics/", "/admin/topics/a/b",
	} {
		checkError(t, askAdmin(handler, "GET", path, ""), proxy.KindNotFound)
	}
}

// TestAdminWhileSessionsAreRead asks a replica about sessions that has not read them yet.
func TestAdminWhileSessionsAreRead(t *testing.T) {
	s := newServer(t, &config.Config{Server: config.Server{AdminEndpointEnabled: true}})
	s.Sessions = session.New(session.Options{
		Lease: time.Minute, Append: func(_ []session.Record, done func(error)) { done(nil) }, Log: s.Log,
	})
	t.Cleanup(s.Sessions.Close)
	s.Sessions.Restart("")
	handler := s.Management()
	checkError(t, askAdmin(handler, "GET", "/admin/sessions", ""), proxy.KindKafkaUnavailable)
	checkError(t, askAdmin(handler, "DELETE", "/admin/sessions/x", ""), proxy.KindKafkaUnavailable)
	s.Sessions.CaughtUp()
	if answer := askAdmin(handler, "GET", "/admin/sessions", ""); answer.Code != 200 || strings.TrimSpace(answer.Body.String()) != "[]" {
		t.Errorf("got %d %s", answer.Code, answer.Body)
	}
	checkError(t, askAdmin(handler, "DELETE", "/admin/sessions/x", ""), proxy.KindNotFound)
}

// TestNobodyIsAdmittedByLimitsThatAreNotKnown makes handshakes that need a session before the dynamic limits
// have been read.
func TestNobodyIsAdmittedByLimitsThatAreNotKnown(t *testing.T) {
	s := newServer(t, new(config.Config))
	s.Limits = clientcfg.New(clientcfg.Options{Dynamic: true})
	answer := askWith(s.Main(), "/socket/out?clientId=c&topic=t")
	if message := checkError(t, answer, proxy.KindKafkaUnavailable); !strings.Contains(message, "limits") {
		t.Errorf("it says %q", message)
	}
	if held, e := s.claim(t.Context(), nil, new(admission)); held != nil || e != nil {
		t.Errorf("without a session: got %v, %v", held, e)
	}
}

// TestAdminChangesAreLogged makes requests that change something, that fail to, and that change nothing.
func TestAdminChangesAreLogged(t *testing.T) {
	for name, test := range map[string]struct {
		method string
		answer any
		err    error
		want   []string // in the log; nothing is logged where there is none
	}{
		"a change": {"PUT", map[string]int{"max-connections": 3}, nil, []string{
			`msg="admin request" method=PUT path=/admin/x`, "subject=admin:root", `result="{\"max-connections\":3}"`,
		}},
		"a large change":      {"PUT", strings.Repeat("ü", 2000), nil, []string{"subject=admin:root", "ü…"}},
		"a removal":           {"DELETE", admin.Answer{Body: struct{}{}}, nil, []string{"method=DELETE", "subject=admin:root", "result={}"}},
		"a trial":             {"PUT", admin.Answer{Body: struct{}{}, Unchanged: true}, nil, nil},
		"a lookup":            {"GET", struct{}{}, nil, nil},
		"an unknown result":   {"PUT", nil, proxy.Errorf(proxy.KindTimeout, "It may change yet."), []string{`msg="admin request failed" method=PUT`, "subject=admin:root", "may change yet"}},
		"a change of nothing": {"PUT", nil, proxy.Errorf(proxy.KindNotFound, "There is none."), nil},
	} {
		s := newServer(t, new(config.Config))
		var log strings.Builder
		s.Log = slog.New(slog.NewTextHandler(&log, nil))
		s.Config.Security.AdminBasicAuthUsername, s.Config.Security.AdminBasicAuthPassword = "root", "sesame"
		handler := s.administrators(s.endpoint(methods{test.method: func(*http.Request) (any, error) { return test.answer, test.err }}))
		askAdmin(handler, test.method, "/admin/x", "", "Authorization", "Basic cm9vdDpzZXNhbWU=")
		for _, want := range test.want {
			if !strings.Contains(log.String(), want) {
				t.Errorf("%s: %s is not in %s", name, want, log.String())
			}
		}
		if limit := 2 * maxResult; test.want == nil && log.Len() > 0 || log.Len() > limit {
			t.Errorf("%s: logged %s", name, log.String())
		}
	}
}

func TestAnswersWithMoreThanTheirBody(t *testing.T) {
	for name, test := range map[string]struct {
		answer admin.Answer
		header map[string]string
	}{
		"nothing":        {admin.Answer{}, map[string]string{"Link": "", "X-Wsproxy-Silent-Brokers": ""}},
		"another page":   {admin.Answer{Next: "a/ü&b>"}, map[string]string{"Link": `</admin/a%2Fb?after=a%2F%C3%BC%26b%3E&limit=2&type=x>; rel="next"`}},
		"silent brokers": {admin.Answer{Silent: []int32{1, 20}}, map[string]string{"X-Wsproxy-Silent-Brokers": "1, 20", "X-Wsproxy-Silent-Replicas": ""}},
		"silent replicas": {
			admin.Answer{SilentReplicas: []string{"proxy-0", "a, b\n", "ü"}}, map[string]string{"X-Wsproxy-Silent-Replicas": "proxy-0, a%2C%20b%0A, %C3%BC"},
		},
		"many silent replicas": {
			admin.Answer{SilentReplicas: []string{strings.Repeat("a", mostNames), "b", "c"}},
			map[string]string{"X-Wsproxy-Silent-Replicas": strings.Repeat("a", mostNames) + ", b"},
		},
	} {
		w := httptest.NewRecorder()
		writeAnswer(w, httptest.NewRequest(http.MethodGet, "/admin/a%2Fb?limit=2&after=x&type=x", nil), test.answer)
		for header, want := range test.header {
			if got := w.Header().Get(header); got != want {
				t.Errorf("%s: %s is %s", name, header, got)
			}
		}
	}
}

func TestAdminMethods(t *testing.T) {
	changing := newAdmin(t, new(config.Config))
	s := newServer(t, &config.Config{Server: config.Server{AdminEndpointEnabled: true}})
	fixed := s.Management()
	for _, test := range []struct {
		name    string
		handler http.Handler
		path    string
		allow   string
	}{
		{"all limits", changing, "/admin/client/config", "DELETE, GET, HEAD"},
		{"limits", changing, "/admin/client/config/consumer/g", "DELETE, GET, HEAD, POST, PUT"},
		{"all limits, fixed", fixed, "/admin/client/config", "GET, HEAD"},
		{"limits, fixed", fixed, "/admin/client/config/producer/p", "GET, HEAD"},
		{"brokers", changing, "/admin/kafka/info", "GET, HEAD"},
		{"sessions", changing, "/admin/sessions", "GET, HEAD"},
		{"a session", changing, "/admin/sessions/x", "DELETE"},
		{"groups", changing, "/admin/consumer-group/all", "GET, HEAD"},
		{"a group", changing, "/admin/consumer-group/a%2Fb", "DELETE"},
		{"a group's description", changing, "/admin/consumer-group/%2F/describe", "GET, HEAD"},
		{"a group's offsets", changing, "/admin/consumer-group/all/offsets", "DELETE, GET, HEAD"},
		{"offsets in a topic", changing, "/admin/consumer-group/a%2Fb/offsets/alter/t", "PUT"},
		{"the policy", changing, "/admin/policy/check", "GET, HEAD"},
		{"closes", changing, "/admin/closes", "GET, HEAD"},
		{"topics", changing, "/admin/topics", "GET, HEAD"},
		{"a topic", changing, "/admin/topics/t", "GET, HEAD"},
	} {
		for _, method := range []string{"GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "BREW"} {
			if strings.Contains(test.allow, method) {
				continue
			}
			answer := askAdmin(test.handler, method, test.path, "{}")
			checkError(t, answer, proxy.KindMethodNotAllowed)
			if got := answer.Header().Get("Allow"); got != test.allow {
				t.Errorf("%s, %s: Allow is %q", test.name, method, got)
			}
		}
	}
}

func TestAdminCredentials(t *testing.T) {
	c := &config.Config{Server: config.Server{PprofEnabled: true}}
	c.Security.AdminBasicAuthUsername, c.Security.AdminBasicAuthPassword = "root", "sesame:ü"
	handler := newAdmin(t, c)
	good := httptest.NewRequest(http.MethodGet, "/", nil)
	good.SetBasicAuth("root", "sesame:ü")
	for _, path := range []string{"/admin/client/config", "/admin/unknown", "/admin/client/config/consumer/g", "/debug/pprof/"} {
		for _, credentials := range [][2]string{{"", ""}, {"root", ""}, {"root", "sesame"}, {"", "sesame:ü"}, {"root2", "sesame:ü"}} {
			r := httptest.NewRequest(http.MethodPost, path, nil)
			if credentials[0] != "" {
				r.SetBasicAuth(credentials[0], credentials[1])
			}
			w := httptest.NewRecorder()
			handler.ServeHTTP(w, r)
			checkError(t, w, proxy.KindNotAuthenticated)
			if got := w.Header().Get("WWW-Authenticate"); !strings.HasPrefix(got, `Basic realm="`) {
				t.Errorf("%s: WWW-Authenticate is %q", path, got)
			}
		}
		if answer := askAdmin(handler, "GET", path, "", "Authorization", good.Header.Get("Authorization")); answer.Code == 401 {
			t.Errorf("%s: got %d", path, answer.Code)
		}
	}
	for _, path := range []string{"/livez", "/readyz", "/metrics"} {
		if answer := askAdmin(handler, "GET", path, ""); answer.Code == 401 {
			t.Errorf("%s: got %d", path, answer.Code)
		}
	}
}

func TestAdminAndPagesOfOtherOrigins(t *testing.T) {
	handler := newAdmin(t, new(config.Config))
	for _, test := range []struct {
		name, method string
		headers      []string
		refused      bool
	}{
		{"a program", "POST", nil, false},
		{"another site", "POST", []string{"Sec-Fetch-Site", "cross-site"}, true},
		{"another host of the site", "DELETE", []string{"Sec-Fetch-Site", "same-site"}, true},
		{"another origin in an old browser", "PUT", []string{"Origin", "http://example.org"}, true},
		{"another site that reads", "GET", []string{"Sec-Fetch-Site", "cross-site"}, false}, // the browser keeps the answer from it
		{"a page of its own", "PUT", []string{"Sec-Fetch-Site", "same-origin", "Origin", "http://example.com"}, false},
	} {
		answer := askAdmin(handler, test.method, "/admin/client/config/consumer/g", `{}`, test.headers...)
		if refused := answer.Code == 403; refused != test.refused {
			t.Errorf("%s: got %d %s", test.name, answer.Code, answer.Body)
		}
	}
}

func TestAdminIsThereOnlyWhereEnabled(t *testing.T) {
	checkError(t, ask(newServer(t, new(config.Config)).Management(), "GET", "/admin/client/config"), proxy.KindNotFound)
}

func TestMatchSegments(t *testing.T) {
	for _, test := range []struct {
		name, template, path string
		want                 map[string]string // nil where the path is another one
	}{
		{"one", "{a}", "x", map[string]string{"a": "x"}},
		{"two and words", "{a}/of/{b}", "x/of/y", map[string]string{"a": "x", "b": "y"}},
		{"escapes", "{a}/of", "%2F%252F%2E%2E+/of", map[string]string{"a": "/%2F..+"}},
		{"bad escapes", "{a}", "%2", nil},
		{"an empty segment", "{a}/of", "/of", nil},
		{"another word", "{a}/of", "x/Of", nil},
		{"too short", "{a}/of", "x", nil},
		{"too long", "{a}/of", "x/of/", nil},
		{"an escaped word", "{a}/of", "x/%6Ff", nil},
	} {
		got := matchSegments(strings.Split(test.template, "/"), strings.Split(test.path, "/"))
		if !maps.Equal(got, test.want) || (got == nil) != (test.want == nil) {
			t.Errorf("%s: got %v", test.name, got)
		}
	}
}

func TestPace(t *testing.T) {
	s := newServer(t, new(config.Config))
	s.Limits = clientcfg.New(clientcfg.Options{Consumers: clientcfg.Limits{MessagesPerSecond: 50}})
	p, stop := s.follow(clientcfg.Consumer, "g", clientcfg.Limits{MessagesPerSecond: 20, BatchSize: 10})
	free, stopFree := s.follow(clientcfg.Consumer, "g", clientcfg.Limits{})
	defer stopFree()
	check := func(when string, rate, batch, freeRate, freeBatch int) {
		t.Helper()
		if p.rate.PerSecond() != rate || p.batch.Of(1000) != batch || free.rate.PerSecond() != freeRate || free.batch.Of(1000) != freeBatch {
			t.Errorf("%s: got %d a second and %d at a time, and where nothing is asked for %d and %d",
				when, p.rate.PerSecond(), p.batch.Of(1000), free.rate.PerSecond(), free.batch.Of(1000))
		}
	}
	set := func(value string) { s.Limits.Read(0, time.Time{}, []byte("consumer/g"), []byte(value)) }
	check("by default", 20, 10, 50, 1000)
	set(`{"messages-per-second":5,"batch-size":3}`)
	check("lowered", 5, 3, 5, 3)
	set(`{"messages-per-second":30,"batch-size":30}`)
	check("raised", 20, 10, 30, 30)
	set(`{"messages-per-second":0}`)
	check("lifted", 20, 10, 0, 1000)
	stop()
	set(`{"messages-per-second":1}`)
	check("after one connection ended", 20, 10, 1, 1000)
}
