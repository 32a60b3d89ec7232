package e2e

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/wsproxy/kafka-websocket-proxy/test/spec"
)

// answers records which of the answers in the OpenAPI document the proxy has given.
type answers struct {
	t       *testing.T
	methods map[string][]string // by path, those of the document
	topic   string              // in paths

	mu   sync.Mutex
	seen map[spec.Answer]bool
}

func newAnswers(t *testing.T) *answers {
	t.Helper()
	a := &answers{t: t, methods: make(map[string][]string), topic: "none", seen: make(map[spec.Answer]bool)}
	for _, answer := range specified().http.Answers() {
		if !slices.Contains(a.methods[answer.Path], answer.Method) {
			a.methods[answer.Path] = append(a.methods[answer.Path], answer.Method)
		}
	}
	return a
}

// ask makes a request for a path of the document. Parameters in the path, but for the topic, have the
// value id.
func (a *answers) ask(p *proxy, method, path, id, query, body string, headers ...string) {
	a.t.Helper()
	target := strings.NewReplacer("{groupId}", id, "{clientId}", id, "{id}", id, "{topic}", a.topic).Replace(path) + query
	var got response
	if a.managed(path) {
		got = p.admin(a.t, method, target, body, headers...)
	} else {
		got = request(a.t, method, "http://"+p.addr+target, headers...)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.seen[spec.Answer{Method: method, Path: path, Status: got.status}] = true
}

// managed tells whether a path is one of the management listener.
func (a *answers) managed(path string) bool {
	return slices.Contains([]string{"/livez", "/readyz", "/metrics"}, path) || strings.HasPrefix(path, "/admin/")
}

// askAll makes requests by all methods of a path.
func (a *answers) askAll(p *proxy, path, query string, headers ...string) {
	a.t.Helper()
	for _, method := range a.methods[path] {
		a.ask(p, method, path, "someone", query, goodBody(path), headers...)
	}
}

// goodBody returns a body that can be sent to a path.
func goodBody(path string) string {
	if path == alteredOffsets {
		return `[{"partition":0,"offset":0}]`
	}
	return "{}"
}

// missing lists the answers that did not come.
func (a *answers) missing() (list []spec.Answer) {
	for _, answer := range specified().http.Answers() {
		switch {
		case a.seen[answer]:
		case answer.Status == http.StatusInternalServerError: // it takes a bug
		case answer.Status == http.StatusTooManyRequests && a.managed(answer.Path): // it takes 100,000 entries
		default:
			list = append(list, answer)
		}
	}
	return list
}

func TestEverySpecifiedAnswerComes(t *testing.T) {
	t.Parallel()
	onFake(t, func(t *testing.T, k *cluster) {
		a := newAnswers(t)
		topic := k.topic(t, 1)
		credentials := k.start(t, "ADMIN_ENDPOINT_ENABLED=true", "ADMIN_BASIC_AUTH_USERNAME=u", "ADMIN_BASIC_AUTH_PASSWORD=p")
		i := newIssuer(t)
		policy := "AUTHZ_POLICY_FILE=" + newFile(t, "rules: [{subjects: [root], admin: true}, {subjects: ['*'], produce: ['*'], consume: ['*']}]").path
		guarded := k.start(t, i.settings("ADMIN_ENDPOINT_ENABLED=true", policy)...)
		token := "Bearer " + i.token("alice", nil)
		for path := range a.methods {
			if strings.HasPrefix(path, "/admin/") {
				a.askAll(guarded, path, "", "Authorization", token)
			}
		}
		i.setDown(true)
		unchecked := k.start(t, i.settings("ADMIN_ENDPOINT_ENABLED=true", policy)...)
		all, _ := k.replicas(t, 1)
		p := all[0]
		for path := range a.methods {
			a.askAll(p, path, "?clientId=c&groupId=g&topic="+topic)
			a.askAll(p, path, "", "X-Long", strings.Repeat("x", 128<<10))
			a.askAll(guarded, path, "")
			a.askAll(unchecked, path, "", "Authorization", token)
			a.ask(p, http.MethodOptions, path, "", "", "", "Origin", "http://"+p.addr, "Access-Control-Request-Method", "GET")
			a.ask(p, http.MethodOptions, path, "", "", "", "Origin", "http://foreign", "Access-Control-Request-Method", "GET")
			if strings.HasPrefix(path, "/admin/") {
				a.askAll(credentials, path, "")
				a.askAll(p, path, "", "Sec-Fetch-Site", "cross-site")
			}
		}
		a.guessing(k)
		a.sockets(k, topic)
		a.limits(k, p)
		a.groups(k, p, topic)
		a.sessions(k, p, topic)
		a.withoutKafka()
		for _, answer := range a.missing() {
			t.Errorf("%s %s was never answered by %d", answer.Method, answer.Path, answer.Status)
		}
	})
}

// guessing sends wrong passwords until the proxy checks no more of them.
func (a *answers) guessing(k *cluster) {
	a.t.Helper()
	p := k.start(a.t, "BASIC_AUTH_ENABLED=true", "BASIC_AUTH_USERNAME=root", "BASIC_AUTH_PASSWORD=sesame")
	wrong := []string{"Authorization", "Basic cm9vdDpx"}
	for _, answer := range specified().http.Answers() {
		if answer.Status == http.StatusTooManyRequests && !a.managed(answer.Path) {
			eventually(a.t, "no more passwords are looked at", func() bool {
				var guessing sync.WaitGroup // one after another may take longer than the second after which there is another guess
				for range 8 {
					guessing.Go(func() { a.ask(p, answer.Method, answer.Path, "", "", "", wrong...) })
				}
				guessing.Wait()
				return a.seen[answer]
			})
		}
	}
}

// sockets makes handshakes with each answer.
func (a *answers) sockets(k *cluster, topic string) {
	a.t.Helper()
	full := k.start(a.t, "MAX_CONNECTIONS=1")
	crowded := k.start(a.t, "MAX_CONNECTIONS_PER_ADDRESS=1")
	limited := k.start(a.t, "KAFKA_PRODUCER_SESSIONS_ENABLED=true", "PRODUCER_DEFAULT_MAX_CLIENT_CONNECTIONS=1")
	full.in(a.t, topic)
	crowded.in(a.t, topic)
	limited.awaitReady(a.t, true)
	upgrade := []string{
		"Connection", "Upgrade", "Upgrade", "websocket", "Sec-WebSocket-Version", "13", "Sec-WebSocket-Key", "AAAAAAAAAAAAAAAAAAAAAA==",
	}
	old, oldTopic := withoutQueues(a.t)
	a.ask(old, http.MethodGet, "/socket/queue", "", "?clientId=c&groupId=g&topic="+oldTopic, "", upgrade...)
	for _, path := range []string{"/socket/in", "/socket/out", "/socket/tail", "/socket/queue"} {
		a.askAll(full, path, "")
		a.askAll(crowded, path, "")
		a.askAll(limited, path, "")
		a.askAll(limited, path, "?clientId=c&groupId=g&instanceId=i&topic=__consumer_offsets")
		query := "?groupId=" + k.group() + "&onConflict=reject&topic=" + topic
		first := limited.dial(a.t, path+query+"&clientId=c&instanceId=i")
		a.ask(limited, http.MethodGet, path, "", query+"&clientId=c&instanceId=i", "", upgrade...) // the same again
		a.ask(limited, http.MethodGet, path, "", query+"&clientId=c&instanceId=j", "", upgrade...) // one too many
		a.ask(limited, http.MethodGet, path, "", query+"&clientId=d&instanceId=j", "", upgrade...)
		first.close()
		eventually(a.t, "its place is free", func() bool {
			a.ask(limited, http.MethodGet, path, "", query+"&clientId=d&instanceId=j", "", upgrade...)
			return a.seen[spec.Answer{Method: http.MethodGet, Path: path, Status: http.StatusSwitchingProtocols}]
		})
	}
}

// limits makes requests to the admin API about the limits of clients.
func (a *answers) limits(k *cluster, p *proxy) {
	a.t.Helper()
	fixed := k.start(a.t, "ADMIN_ENDPOINT_ENABLED=true")
	for _, path := range []string{config, consumers + "{groupId}", producers + "{clientId}"} {
		a.askAll(fixed, path, "")
	}
	for _, path := range []string{consumers + "{groupId}", producers + "{clientId}"} {
		for _, method := range []string{"DELETE", "PUT", "GET", "HEAD", "POST", "POST", "GET", "HEAD", "PUT", "DELETE"} {
			a.ask(p, method, path, "g", "", "{}")
		}
		for _, method := range a.methods[path] {
			a.ask(p, method, path, strings.Repeat("x", 250), "", "{}")
			a.ask(p, method, path, "g", "", strings.Repeat("x", 65<<10))
		}
	}
}

// The paths of the document for one consumer group.
const (
	removedGroup   = "/admin/consumer-group/{groupId}"
	describedGroup = "/admin/consumer-group/{groupId}/describe"
	groupOffsets   = "/admin/consumer-group/{groupId}/offsets"
	alteredOffsets = "/admin/consumer-group/{groupId}/offsets/alter/{topic}"
)

// groups makes requests to the admin API about consumer groups and topics.
func (a *answers) groups(k *cluster, p *proxy, topic string) {
	a.t.Helper()
	group, paths := k.group(), []string{describedGroup, groupOffsets, alteredOffsets, "/admin/topics/{topic}", removedGroup}
	askEach := func(p *proxy, id string) {
		for _, path := range paths {
			for _, method := range a.methods[path] {
				a.ask(p, method, path, id, "", goodBody(path))
			}
		}
	}
	askEach(p, strings.Repeat("x", 250))
	a.ask(p, http.MethodPut, alteredOffsets, group, "", strings.Repeat("x", 2<<20))
	a.askAll(p, "/admin/consumer-group/all", "?activeOnly=maybe")
	a.askAll(p, "/admin/sessions", "?limit=0")
	a.askAll(p, "/admin/closes", "?limit=0")
	a.askAll(p, "/admin/topics", "?limit=0")
	a.topic = topic
	member := p.out(a.t, topic, "groupId="+group)
	p.awaitGroup(a.t, group, "STABLE")
	askEach(p, group)
	member.close()
	p.awaitGroup(a.t, group, "EMPTY")
	askEach(p, group)
	askEach(a.unauthorized(group), group)
}

// unauthorized returns a proxy that Kafka does not authorize to use a group and a topic.
func (a *answers) unauthorized(group string) *proxy {
	a.t.Helper()
	fake, err := startFake()
	if err != nil {
		a.t.Fatal(err)
	}
	a.t.Cleanup(fake.Close)
	fake.Fault(
		kfake.Fault{Keys: []kmsg.Key{kmsg.DescribeGroups}, Group: group, Err: kerr.GroupAuthorizationFailed, Count: -1},
		kfake.Fault{Keys: []kmsg.Key{kmsg.Metadata}, Topic: a.topic, Err: kerr.TopicAuthorizationFailed, Count: -1},
	)
	p := startProxy(a.t, fake.ListenAddrs()[0], "ADMIN_ENDPOINT_ENABLED=true")
	a.t.Cleanup(p.app.Shutdown)
	return p
}

// sessions evicts a client, and tries to while Kafka is unreachable.
func (a *answers) sessions(k *cluster, p *proxy, topic string) {
	a.t.Helper()
	p.out(a.t, topic, "groupId="+k.group())
	p.out(a.t, topic, "groupId="+k.group())
	sessions := parse[[]struct{ ID string }](a.t, p.admin(a.t, http.MethodGet, "/admin/sessions", "").body)
	for _, session := range sessions {
		a.ask(p, http.MethodDelete, "/admin/sessions/{id}", session.ID, "", "")
		p.kafka.shut(false)
	}
	p.awaitReady(a.t, false)
	a.askAll(p, "/readyz", "")
}

// withoutKafka asks a proxy that has never reached it.
func (a *answers) withoutKafka() {
	a.t.Helper()
	p := startProxy(a.t, "127.0.0.1:1", "ADMIN_ENDPOINT_ENABLED=true", "DYNAMIC_CONFIG_HANDLER_ENABLED=true")
	a.t.Cleanup(p.app.Shutdown)
	var group sync.WaitGroup // each request waits for Kafka for some seconds
	for path := range a.methods {
		if !strings.HasPrefix(path, "/socket/") {
			group.Go(func() { a.askAll(p, path, "") })
		}
	}
	group.Wait()
}

func TestEverySpecifiedMessageComes(t *testing.T) {
	t.Parallel()
	onFake(t, func(t *testing.T, k *cluster) {
		topic, i := k.topic(t, 1), newIssuer(t)
		p, token := k.start(t, i.settings()...), i.token("alice", nil)
		in := p.dialAs(t, "Bearer "+token, k.path("/socket/in", topic))
		in.send(`{"value":{"value":"v"}}`, `[{"value":null}]`, `{}`, renewal(token))
		for range 4 {
			in.read()
		}
		out := p.dialAs(t, "Bearer "+token, k.path("/socket/out", topic)+"&autoCommit=false&credit=1")
		out.delivery()
		out.send(`{"credit":1}`)
		out.delivery()
		out.send(renewal(token))
		out.read()
		out.send(`{"wsProxyMessageId":"` + topic + `-0-17-1"}`)
		out.refusal("UNKNOWN_MESSAGE_ID")
		for _, c := range []*client{in, out, everyFrameOfAQueue(t, k, p, topic, token)} {
			seen := c.transcript.names()
			want := specified().sockets.Names(c.transcript.address)
			if slices.Sort(want); !slices.Equal(seen, want) {
				t.Errorf("%s: %v were seen, the document has %v", c.transcript.address, seen, want)
			}
		}
	})
}

// everyFrameOfAQueue has a worker send and get each message that there is.
func everyFrameOfAQueue(t *testing.T, k *cluster, p *proxy, topic, token string) *client {
	t.Helper()
	c := p.dialAs(t, "Bearer "+token, queuePath(topic, k.group(), "confirm=true"))
	held := parse[queueFrame](t, c.read()).ID
	c.read() // it stays in hand
	for _, message := range []string{acknowledgement("renew", held), acknowledgement("accept", held), renewal(token)} {
		c.send(message)
		c.read()
	}
	c.send(acknowledgement("release", held))
	c.refusal("UNKNOWN_MESSAGE_ID")
	c.read()
	p.kafka.shut(false) // with its connection Kafka takes back what is in hand
	defer p.kafka.unlock()
	c.read()
	return c
}

// names lists the messages that went over a connection.
func (r *transcript) names() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.seen, "") // messages that the document lacks
	return slices.Sorted(maps.Keys(r.seen))
}
