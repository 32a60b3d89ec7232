package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/wsproxy/kafka-websocket-proxy/test/stopwatch"
)

// replicas starts proxies that share the limits of clients, in a topic of the test's own, and
// returns them when they are ready.
func (k *cluster) replicas(t *testing.T, count int, settings ...string) (replicas []*proxy, topic string) {
	t.Helper()
	topic = shared.run + "." + unique("limits")
	for range count {
		replicas = append(replicas, k.replica(t, topic, settings...))
	}
	return replicas, topic
}

// replica starts one more proxy that shares the limits in a topic.
func (k *cluster) replica(t *testing.T, topic string, settings ...string) *proxy {
	t.Helper()
	p := k.start(t, append([]string{
		"ADMIN_ENDPOINT_ENABLED=true", "DYNAMIC_CONFIG_HANDLER_ENABLED=true", "DYNAMIC_CONFIG_TOPIC_NAME=" + topic,
		"SESSION_STATE_TOPIC=" + topic + ".sessions", // tests may end all sessions of it
	}, settings...)...)
	p.awaitReady(t, true)
	return p
}

// admin makes a request to the admin API. Headers are given as name, value, name, value. A request that
// may be repeated is, if the machine is so busy that the proxy cannot reach Kafka in time.
func (p *proxy) admin(t *testing.T, method, path, body string, headers ...string) response {
	t.Helper()
	const tries = 5
	for try := 1; ; try++ {
		watch := stopwatch.Start(t)
		got := p.adminOnce(t, method, path, body, headers...)
		watch.Stop()
		again := method == http.MethodGet || method == http.MethodPut
		if !again || try == tries || !isTooBusy(watch, got.status) {
			return got
		}
	}
}

func (p *proxy) adminOnce(t *testing.T, method, path, body string, headers ...string) response {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, method, "http://"+p.management+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	res, err := httpClient().Do(r)
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	return response{res.StatusCode, res.Header, strings.TrimSuffix(string(text), "\n")}
}

// change makes a request that must succeed, and returns when it did.
func (p *proxy) change(t *testing.T, method, path, body string) time.Time {
	t.Helper()
	if res := p.admin(t, method, path, body); res.status != http.StatusOK {
		t.Fatalf("%s %s: %d %s", method, path, res.status, res.body)
	}
	return time.Now()
}

const (
	config    = "/admin/client/config"
	consumers = config + "/consumer/"
	producers = config + "/producer/"
)

// limitsFile is the file of static limits of the tests' proxies.
const limitsFile = `
consumers:
  static:
    - group-id: team/a b
      max-connections: 3
      messages-per-second: 300
producers:
  static:
    - {producer-id: fixed, messages-per-second: 7}
`

func staticLimits(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "limits.yaml")
	if err := os.WriteFile(path, []byte(limitsFile), 0o600); err != nil {
		t.Fatal(err)
	}
	return "CLIENT_LIMITS_FILE=" + path
}

// exchange is a request to the admin API and its answer.
type exchange struct {
	method, path, body string
	status             int
	want               string // the body, or the code of the error and what its message begins with
}

func (p *proxy) exchange(t *testing.T, exchanges []exchange) {
	t.Helper()
	for _, e := range exchanges {
		res := p.admin(t, e.method, e.path, e.body)
		got := res.body
		if res.status >= http.StatusBadRequest {
			f := res.failure(t)
			got = f.Code + ": " + f.Message
			if strings.HasPrefix(got, e.want) {
				got = e.want
			}
		}
		if res.status != e.status || got != e.want {
			t.Errorf("%s %s %.80s: got %d %s, want %d %s", e.method, e.path, e.body, res.status, got, e.status, e.want)
		}
	}
}

func TestAdminLimits(t *testing.T) {
	const (
		defaults  = `{"group-id":"__DEFAULT__","max-connections":0,"messages-per-second":40,"batch-size":9}`
		static    = `{"group-id":"team/a b","max-connections":3,"messages-per-second":300,"batch-size":9}`
		producer0 = `{"producer-id":"__DEFAULT__","max-connections":0,"messages-per-second":50}`
		fixed     = `{"producer-id":"fixed","max-connections":0,"messages-per-second":7}`
		dynamic   = `{"group-id":"g","max-connections":1,"messages-per-second":2,"batch-size":3}`
		other     = `{"producer-id":"g","max-connections":5,"messages-per-second":0}`
		nothing   = `{"consumers":{"static":[` + defaults + `,` + static + `],"dynamic":[]},"producers":{"static":[` + producer0 + `,` + fixed + `],"dynamic":[]}}`
	)
	onBoth(t, func(t *testing.T, k *cluster) {
		all, _ := k.replicas(t, 1, staticLimits(t), "CONSUMER_RATELIMIT_DEFAULT_MESSAGES_PER_SEC=40",
			"CONSUMER_DEFAULT_BATCH_SIZE=9", "PRODUCER_RATELIMIT_DEFAULT_MESSAGES_PER_SEC=50")
		all[0].exchange(t, []exchange{
			{"GET", config, "", 200, nothing},
			{"GET", consumers + "team%2Fa%20b", "", 200, static},
			{"GET", consumers + "__DEFAULT__", "", 200, defaults},
			{"GET", producers + "fixed", "", 200, fixed},
			{"GET", consumers + "g", "", 404, `NOT_FOUND: The consumer "g" has no limits of its own.`},
			{"GET", consumers + "fixed", "", 404, "NOT_FOUND: "},
			{"PUT", consumers + "g", `{}`, 404, `NOT_FOUND: The consumer "g" has no dynamic limits.`},
			{"DELETE", consumers + "g", "", 404, `NOT_FOUND: The consumer "g" has no dynamic limits.`},
			{"PUT", consumers + "team%2Fa%20b", `{}`, 404, "NOT_FOUND: "}, // a static one is not replaced
			{"DELETE", producers + "fixed", "", 404, "NOT_FOUND: "},

			{"POST", consumers + "g", `{"group-id":"g","max-connections":1,"messages-per-second":2,"batch-size":3}`, 200, dynamic},
			{"GET", consumers + "g", "", 200, dynamic},
			{"POST", consumers + "g", `{}`, 409, `ALREADY_EXISTS: The consumer "g" has dynamic limits already`},
			{"POST", producers + "g", `{"max-connections":5,"messages-per-second":0}`, 200, other},
			{"POST", consumers + "team%2Fa%20b", `{"messages-per-second":1}`, 200, `{"group-id":"team/a b","max-connections":0,"messages-per-second":1,"batch-size":9}`},
			{"GET", consumers + "team%2Fa%20b", "", 200, `{"group-id":"team/a b","max-connections":0,"messages-per-second":1,"batch-size":9}`},
			{"PUT", consumers + "g", `{"messages-per-second":4}`, 200, `{"group-id":"g","max-connections":0,"messages-per-second":4,"batch-size":9}`},
			{
				"GET", config, "", 200, `{"consumers":{"static":[` + defaults + `,` + static + `],"dynamic":[` +
					`{"group-id":"g","max-connections":0,"messages-per-second":4,"batch-size":9},` +
					`{"group-id":"team/a b","max-connections":0,"messages-per-second":1,"batch-size":9}]},` +
					`"producers":{"static":[` + producer0 + `,` + fixed + `],"dynamic":[` + other + `]}}`,
			},
			{"DELETE", consumers + "team%2Fa%20b", "", 200, `{}`},
			{"GET", consumers + "team%2Fa%20b", "", 200, static},
			{"DELETE", config, "", 200, `{}`},
			{"DELETE", config, "", 200, `{}`},
			{"GET", config, "", 200, nothing},

			{"POST", consumers + "g", `{"max-connections":`, 400, "INVALID_JSON: The body is not JSON."},
			{"POST", consumers + "g", ``, 400, "INVALID_JSON: The body is not JSON."},
			{"PUT", producers + "g", `[]`, 400, "INVALID_VALUE: The body must be an object"},
			{"POST", consumers + "g", `{"max-connections":-1}`, 400, `INVALID_VALUE: "max-connections" must be`},
			{"POST", consumers + "g", `{"batch-size":2147483648}`, 400, `INVALID_VALUE: "batch-size" must be`},
			{"POST", consumers + "g", `{"messages-per-second":"3"}`, 400, `INVALID_VALUE: "messages-per-second" must be`},
			{"POST", consumers + "g", `{"messages-per-second":null}`, 400, `INVALID_VALUE: "messages-per-second" must be`},
			{"POST", consumers + "g", `{"maxConnections":1}`, 400, `INVALID_VALUE: "maxConnections" is unknown`},
			{"POST", producers + "g", `{"batch-size":1}`, 400, `INVALID_VALUE: "batch-size" is unknown`},
			{"POST", consumers + "g", `{"group-id":"h"}`, 400, `INVALID_VALUE: "group-id" must be`},
			{"POST", consumers + "g", `{"x":"` + strings.Repeat("x", 64<<10) + `"}`, 413, "MESSAGE_TOO_LARGE: The body is longer than 65536 bytes."},
			{"POST", consumers + "__DEFAULT__", `{}`, 400, "INVALID_PARAMETER: groupId: the defaults"},
			{"DELETE", producers + "__DEFAULT__", ``, 400, "INVALID_PARAMETER: clientId: the defaults"},

			{"PATCH", consumers + "g", `{}`, 405, "METHOD_NOT_ALLOWED: "},
			{"PUT", config, `{}`, 405, "METHOD_NOT_ALLOWED: "},
			{"GET", config + "/consumer", "", 404, "NOT_FOUND: "},
			{"GET", consumers, "", 404, "NOT_FOUND: "},
			{"GET", consumers + "a/b", "", 404, "NOT_FOUND: "},
			{"GET", "/admin/", "", 404, "NOT_FOUND: "},
			{"GET", config, "", 200, nothing},
		})
		if got := all[0].admin(t, "PATCH", consumers+"g", "").header.Get("Allow"); got != "DELETE, GET, HEAD, POST, PUT" {
			t.Errorf("Allow is %q", got)
		}
		if got := all[0].admin(t, "GET", "/admin/kafka/info", ""); got.status != 200 || got.body == "" ||
			got.body != strings.TrimSuffix(all[0].get(t, "/kafka/cluster/info").body, "\n") {
			t.Errorf("/admin/kafka/info: %d %s", got.status, got.body)
		}
		if got := all[0].admin(t, "HEAD", config, ""); got.status != 200 || got.body != "" {
			t.Errorf("HEAD: %d %s", got.status, got.body)
		}
	})
}

func TestAdminLimitsOfAnyName(t *testing.T) {
	onBoth(t, func(t *testing.T, k *cluster) {
		all, _ := k.replicas(t, 1)
		p := all[0]
		var characters []rune
		for c := rune(0x20); c <= 0xFF; c++ {
			if c < 0x7F || c >= 0xA0 {
				characters = append(characters, c)
			}
		}
		var legal []string
		for some := range slices.Chunk(characters, 16) {
			legal = append(legal, string(some))
		}
		legal = append(legal, "/", "//a//", "a/../b", "%2F", "☃𝄞", strings.Repeat("ü", 249), strings.Repeat("/", 249))
		for _, id := range legal {
			kind, name := "consumer", "group-id"
			if len(id)%2 == 0 {
				kind, name = "producer", "producer-id"
			}
			path := config + "/" + kind + "/" + url.PathEscape(id)
			res := p.admin(t, "POST", path, `{"`+name+`":`+quoted(id)+`,"max-connections":3}`)
			var entry map[string]any
			if err := json.Unmarshal([]byte(res.body), &entry); err != nil || res.status != 200 || entry[name] != id {
				t.Errorf("POST %s: %d %s", path, res.status, res.body)
			}
			if got := p.admin(t, "GET", path, ""); got.status != 200 || got.body != res.body {
				t.Errorf("GET %s: %d %s", path, got.status, got.body)
			}
		}
		p.change(t, "DELETE", config, "")
		illegal := []string{strings.Repeat("ü", 250), "\xff", "a\xc0\xafb", "\u0085"}
		for c := range rune(0x20) {
			illegal = append(illegal, "g"+string(c))
		}
		for c := rune(0x7F); c < 0xA0; c++ {
			illegal = append(illegal, "g"+string(c))
		}
		for _, id := range illegal {
			p.exchange(t, []exchange{{"POST", consumers + url.PathEscape(id), `{}`, 400, "INVALID_PARAMETER: groupId: must have 1 to 249 characters"}})
		}
		if got := p.admin(t, "GET", config, "").body; strings.Count(got, "-id") != 2 {
			t.Errorf("what is left: %s", got)
		}
	})
}

func TestAdminIsClosedByDefault(t *testing.T) {
	onBoth(t, func(t *testing.T, k *cluster) {
		if got := k.run(t).admin(t, "GET", config, ""); got.status != 404 {
			t.Errorf("got %d %s", got.status, got.body)
		}
	})
}

func TestAdminLimitsAreReadOnlyWithoutDynamicConfiguration(t *testing.T) {
	onBoth(t, func(t *testing.T, k *cluster) {
		p := k.start(t, "ADMIN_ENDPOINT_ENABLED=true", staticLimits(t))
		for _, path := range []string{config, consumers + "g", producers + "fixed"} {
			for _, method := range []string{"POST", "PUT", "DELETE"} {
				got := p.admin(t, method, path, `{}`)
				if got.status != 405 || got.header.Get("Allow") != "GET, HEAD" || got.failure(t).Code != "METHOD_NOT_ALLOWED" {
					t.Errorf("%s %s: %d, Allow %q", method, path, got.status, got.header.Get("Allow"))
				}
			}
		}
		if got := p.admin(t, "GET", producers+"fixed", ""); got.status != 200 {
			t.Errorf("got %d %s", got.status, got.body)
		}
	})
}

func TestAdminCredentials(t *testing.T) {
	onBoth(t, func(t *testing.T, k *cluster) {
		p := k.start(t, "ADMIN_ENDPOINT_ENABLED=true",
			"ADMIN_BASIC_AUTH_USERNAME=root", "ADMIN_BASIC_AUTH_PASSWORD=sesame")
		for _, path := range []string{config, "/admin/kafka/info", "/admin/sessions"} {
			for credentials, status := range map[string]int{
				"":                           401,
				"Basic cm9vdDpzZXNhbWU=":     200, // root:sesame
				"Basic cm9vdDpzZXNhbWUx":     401, // root:sesame1
				"Basic cm9vdDo=":             401, // root:
				"Basic c2VzYW1lOnNlc2FtZQ==": 401, // sesame:sesame
				"Bearer cm9vdDpzZXNhbWU=":    401,
				"Basic !":                    401,
			} {
				got := p.admin(t, "GET", path, "", "Authorization", credentials)
				if got.status != status {
					t.Errorf("%s with %q: %d", path, credentials, got.status)
				}
				if status == 401 && (got.failure(t).Code != "NOT_AUTHENTICATED" || !strings.HasPrefix(got.header.Get("WWW-Authenticate"), "Basic realm=")) {
					t.Errorf("%s with %q: %s, %q", path, credentials, got.body, got.header.Get("WWW-Authenticate"))
				}
			}
		}
		for _, path := range []string{"/livez", "/readyz", "/metrics"} {
			if got := p.manage(t, path).status; got == 401 {
				t.Errorf("%s: %d", path, got)
			}
		}
	})
}

func TestAdminRefusesPagesOfOtherOrigins(t *testing.T) {
	onBoth(t, func(t *testing.T, k *cluster) {
		all, _ := k.replicas(t, 1)
		p := all[0]
		for name, headers := range map[string][]string{
			"a form of another site": {"Sec-Fetch-Site", "cross-site", "Content-Type", "text/plain"},
			"an old browser":         {"Origin", "https://evil.example"},
		} {
			if got := p.admin(t, "POST", consumers+"g", `{}`, headers...); got.status != 403 || got.failure(t).Code != "NOT_AUTHORIZED" {
				t.Errorf("%s: %d %s", name, got.status, got.body)
			}
		}
		if got := p.admin(t, "POST", consumers+"g", `{}`, "Origin", "http://"+p.management, "Sec-Fetch-Site", "same-origin"); got.status != 200 {
			t.Errorf("a page of its own: %d %s", got.status, got.body)
		}
	})
}

func TestLimitsSurviveARestartAndHostileRecords(t *testing.T) {
	onBoth(t, func(t *testing.T, k *cluster) {
		all, topic := k.replicas(t, 1)
		p := all[0]
		p.change(t, "POST", consumers+"kept", `{"batch-size":7}`)
		p.change(t, "POST", consumers+"removed", `{"batch-size":7}`)
		p.change(t, "DELETE", consumers+"removed", "")
		p.change(t, "POST", consumers+"spoiled", `{"batch-size":7}`)
		hostile := []*kgo.Record{
			{Key: []byte("\xff\x00"), Value: []byte("x")},
			{Key: []byte("consumer/"), Value: []byte(`{}`)},
			{Key: []byte("session/x"), Value: nil},
			{Key: []byte("consumer/__DEFAULT__"), Value: []byte(`{"max-connections":1}`)},
			{Key: []byte("consumer/" + strings.Repeat("x", 10_000)), Value: []byte(`{}`)},
			{Key: []byte("consumer/deep"), Value: []byte(strings.Repeat("[", 500_000))},
			{Key: []byte("consumer/spoiled"), Value: []byte(`{"batch-size":-1}`)},
			{Key: []byte("producer/p"), Value: []byte{}},
			{Key: []byte("producer/p"), Value: []byte(`{"max-connections":"many"}`)},
		}
		k.produce(t, topic, hostile...)
		k.produce(t, topic, &kgo.Record{Key: []byte("producer/good"), Value: []byte(`{"max-connections":4,"of a later version":[]}`)})
		eventually(t, "what follows is read", func() bool { return p.admin(t, "GET", producers+"good", "").status == 200 })

		again := k.replica(t, topic)
		const want = `"dynamic":[{"group-id":"kept","max-connections":0,"messages-per-second":0,"batch-size":7}]}`
		for name, p := range map[string]*proxy{"the one that runs": p, "the one that starts": again} {
			if got := p.admin(t, "GET", config, "").body; !strings.Contains(got, want) ||
				!strings.Contains(got, `"dynamic":[{"producer-id":"good","max-connections":4,"messages-per-second":0}]`) {
				t.Errorf("%s: %s", name, got)
			}
			if got := p.metric(t, `wsproxy_state_records_skipped_total{table="limits"}`); got != float64(len(hostile)) {
				t.Errorf("%s: %v skipped, want %d", name, got, len(hostile))
			}
			if got := p.manage(t, "/readyz"); got.status != 200 || !strings.Contains(got.body, `"limits":"ok"`) {
				t.Errorf("%s: %d %s", name, got.status, got.body)
			}
		}
		p.app.Shutdown()
		if got := k.replica(t, topic).admin(t, "GET", consumers+"kept", ""); got.status != 200 {
			t.Errorf("after a restart: %d %s", got.status, got.body)
		}
	})
}

func TestLimitsWhileKafkaIsAway(t *testing.T) {
	onBoth(t, func(t *testing.T, k *cluster) {
		all, topic := k.replicas(t, 1)
		p := all[0]
		p.change(t, "POST", consumers+"g", `{"batch-size":7}`)
		p.kafka.shut(false)
		watch := stopwatch.Start(t)
		got := p.admin(t, "PUT", consumers+"g", `{"batch-size":8}`)
		if took := watch.Elapsed(); got.status != 503 || took > 20*time.Second {
			t.Errorf("got %d %s after %v", got.status, got.body, took)
		}
		if f := got.failure(t); f.Code != "TIMEOUT" && f.Code != "KAFKA_UNAVAILABLE" {
			t.Errorf("got %+v", f)
		}
		eventually(t, "the proxy is not ready", func() bool { return p.manage(t, "/readyz").status == 503 })
		if got := p.admin(t, "GET", consumers+"g", ""); got.status != 200 {
			t.Errorf("what is known: %d %s", got.status, got.body)
		}
		fresh := startProxy(t, "127.0.0.1:1", "ADMIN_ENDPOINT_ENABLED=true", "DYNAMIC_CONFIG_HANDLER_ENABLED=true", "DYNAMIC_CONFIG_TOPIC_NAME="+topic)
		defer fresh.app.Shutdown()
		fresh.exchange(t, []exchange{
			{"GET", config, "", 503, "KAFKA_UNAVAILABLE: The dynamic limits have not been read"},
			{"GET", consumers + "g", "", 503, "KAFKA_UNAVAILABLE: The dynamic limits have not been read"},
			{"POST", consumers + "g", "{}", 503, "KAFKA_UNAVAILABLE: The dynamic limits have not been read"},
			{"DELETE", config, "", 503, "KAFKA_UNAVAILABLE: The dynamic limits have not been read"},
		})
		p.kafka.unlock()
		p.awaitReady(t, true)
		eventually(t, "a change succeeds again", func() bool { return p.admin(t, "PUT", consumers+"g", `{"batch-size":9}`).status == 200 })
	})
}

func TestAStateTopicThatCannotBeUsedEndsTheProxy(t *testing.T) {
	onBoth(t, func(t *testing.T, k *cluster) {
		limits, sessions := "DYNAMIC_CONFIG_TOPIC_NAME=", "SESSION_STATE_TOPIC="
		for name, test := range map[string]struct {
			setting    string
			partitions int32
			settings   []string
			want       string
		}{
			"limits, two partitions":            {limits, 2, []string{"cleanup.policy", "compact"}, "has 2 partitions and must have one"},
			"limits, not compacted":             {limits, 1, nil, "must have cleanup.policy=compact"},
			"sessions, two partitions":          {sessions, 2, []string{"cleanup.policy", "compact"}, "has 2 partitions and must have one"},
			"sessions, not compacted":           {sessions, 1, nil, "must have cleanup.policy=compact"},
			"sessions, timestamps of producers": {sessions, 1, []string{"cleanup.policy", "compact"}, "message.timestamp.type=LogAppendTime"},
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				topic := k.topic(t, test.partitions, test.settings...)
				p := startProxy(t, k.addr, "DYNAMIC_CONFIG_HANDLER_ENABLED=true", test.setting+topic)
				ctx, cancel := context.WithTimeout(t.Context(), patience)
				defer cancel()
				err := p.app.Run(ctx)
				if err == nil || !strings.Contains(err.Error(), topic) || !strings.Contains(err.Error(), test.want) {
					t.Errorf("got %v", err)
				}
			})
		}
	})
}

// arrivals are when frames came.
type arrivals struct {
	mu    sync.Mutex
	times []time.Time
}

// arrivals reads frames until the connection ends. An answer counts when its message was taken:
// on a busy machine many can be read at once.
func (c *client) arrivals() *arrivals {
	a := new(arrivals)
	go func() {
		for {
			frame, err := c.next()
			if err != nil {
				return
			}
			at := time.Now()
			var taken struct {
				ID        *string `json:"wsProxyMessageId"`
				Timestamp int64
			}
			if json.Unmarshal([]byte(frame), &taken) == nil && taken.ID == nil {
				at = time.UnixMilli(taken.Timestamp)
			}
			a.mu.Lock()
			a.times = append(a.times, at)
			a.mu.Unlock()
		}
	}()
	return a
}

// since counts the frames that came after a moment.
func (a *arrivals) since(moment time.Time) int {
	a.mu.Lock()
	defer a.mu.Unlock()
	first, _ := slices.BinarySearchFunc(a.times, moment, time.Time.Compare)
	return len(a.times) - first
}

// during lets a time pass, and returns how many frames came in it.
func (a *arrivals) during(d time.Duration) int {
	began := time.Now()
	<-time.After(d)
	return a.since(began) - a.since(began.Add(d))
}

// atMost checks how many frames come in a time. If this process could not run in that time, the frames
// may have been waiting since before: then it checks again.
func (a *arrivals) atMost(t *testing.T, most int, d time.Duration) {
	t.Helper()
	const looks = 5
	got := 0
	for range looks {
		watch := stopwatch.Start(t)
		if got = a.during(d); got <= most {
			return
		}
		if watch.Elapsed() > d-d/10 {
			break
		}
	}
	t.Errorf("%d in %v, at most %d may come", got, d, most)
}

// TestLimitsAreInForceOnEveryReplicaInTime changes limits at one replica, with open connections to both
// of them. A change must be in force within two seconds.
func TestLimitsAreInForceOnEveryReplicaInTime(t *testing.T) {
	onBoth(t, func(t *testing.T, k *cluster) {
		replicas, _ := k.replicas(t, 2)
		full, empty := k.topic(t, 1), k.topic(t, 1)
		k.produce(t, full, numbered(0, 5000, 1, 0)...)
		for i, at := range replicas {
			for j, open := range replicas {
				t.Run(fmt.Sprintf("out of %d, changed at %d", j, i), func(t *testing.T) {
					t.Parallel()
					group := k.group()
					checkChanges(t, at, open, consumers+group, func() *client { return open.out(t, full, "groupId="+group) })
				})
				t.Run(fmt.Sprintf("in of %d, changed at %d", j, i), func(t *testing.T) {
					t.Parallel()
					name := unique("client")
					checkChanges(t, at, open, producers+name, func() *client {
						c := open.in(t, empty, "clientId="+name)
						go c.sendEvery(t.Context().Done(), time.Millisecond, `{"value":null}`)
						return c
					})
				})
			}
		}
	})
}

// checkChanges changes, at one replica, the rate of a connection to another replica, which has more
// records than the limit allows.
func checkChanges(t *testing.T, at, other *proxy, path string, connect func() *client) {
	t.Helper()
	const within = 2 * time.Second
	const slow, fast, slower = 5, 60, 2
	set := func(method string, perSecond int) time.Time {
		return at.change(t, method, path, fmt.Sprintf(`{"messages-per-second":%d}`, perSecond))
	}
	set("POST", slow)
	eventually(t, "the other replica knows", func() bool { return other.admin(t, http.MethodGet, path, "").status == http.StatusOK })
	a := connect().arrivals()
	eventually(t, "the first one", func() bool { return a.since(time.Time{}) > 0 })
	a.atMost(t, 2*slow+2, 2*time.Second) // one on its way, one of the burst
	changed := set("PUT", fast)
	raised := stopwatch.Start(t)
	eventually(t, "more than the former rate lets through", func() bool {
		return float64(a.since(changed)) > slow*time.Since(changed).Seconds()+2
	})
	if took := raised.Elapsed(); took > within {
		t.Errorf("the raised rate held after %v", took)
	}
	a.atMost(t, fast+fast/2, time.Second) // without a limit it is thousands
	set("PUT", slower)
	stopwatch.Start(t).Wait(within)
	a.atMost(t, 2*slower+2, 2*time.Second)
	lifted := time.Now()
	set("DELETE", 0)
	eventually(t, "there is no limit anymore", func() bool { return a.since(lifted) > 2*fast })
}
