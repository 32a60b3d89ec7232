package readme

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// TestPages does what the pages say, each from top to bottom: their commands are run, with other
// ports, and their messages sent and compared with what comes back.
func TestPages(t *testing.T) {
	r := &reader{left: map[string][]block{}}
	for _, page := range pages(t) {
		r.left[page] = blocks(t, page)
	}
	run := r.take(t, front, "sh server")
	if again := r.take(t, started, "sh server"); again != run {
		t.Errorf("%s starts the server by %s", started, again)
	}
	server := start(t, run+` ARGS="--port 0 --admin-port 0 --kafka-port 0"`, "WSPROXY_LOG_LEVEL=warn")
	first := server.await(t, `listens on (localhost:\d+), its own Kafka broker on (\S+:\d+)\.`)
	management := server.await(t, `open http://(localhost:\d+)/metrics`)
	r.at = addresses{first[1], management[1], first[2]}

	for _, part := range []struct {
		name string
		test func(*testing.T)
	}{
		{"browser snippet", r.testSnippet},
		{"terminal", r.testTerminal},
		{"build and serve", r.testServe},
		{"command line", r.testCommands},
		{"protocol", r.testProtocol},
		{"Avro", r.testAvro},
		{"operations", r.testOperations},
		{"policy", r.testPolicy},
		{"tenants", r.testTenants},
		{"live reading", r.testLive},
		{"queues", r.testQueues},
		{"clients", r.testClients},
		{"limits", r.testLimits},
		{"console", r.testConsole},
		{"configuration", r.testConfiguration},
	} {
		if !t.Run(part.name, part.test) {
			return // it may have left blocks that the others would stumble over
		}
	}
	for page, left := range r.left {
		for _, b := range left {
			if strings.HasPrefix(b.info, "sh") && notRun()[b.info] == "" {
				t.Errorf("%s: nothing has run %s", page, b.text)
			}
		}
	}
}

// reader goes through the blocks of the pages.
type reader struct {
	left   map[string][]block // what was not taken yet
	at     addresses
	policy string // the command that starts a proxy with rules
}

// take returns the text of a page's next block, whose info string must be the one given.
func (r *reader) take(t *testing.T, page, info string) string {
	t.Helper()
	left := r.left[page]
	if len(left) == 0 || left[0].info != info {
		t.Fatalf("%s: the next block is not %q, but %q", page, info, left[:min(1, len(left))])
	}
	r.left[page] = left[1:]
	return r.at.replace(left[0].text)
}

// testSnippet runs what is pasted into a browser.
func (r *reader) testSnippet(t *testing.T) {
	t.Helper()
	node := runInNode(t, r.take(t, front, "js client"))
	node.await(t, `^written \{"topic":"demo","partition":\d,"offset":\d+,"timestamp":\d+\}$`)
	node.await(t, `^read \{"wsProxyMessageId":.*"value":\{"value":"hello","format":"string"\}\}$`)
}

// runInNode runs what is for a browser: the package ws has the API of browsers.
func runInNode(t *testing.T, snippet string) *program {
	t.Helper()
	library, file := clients(t, "node"), filepath.Join(t.TempDir(), "snippet.js")
	if err := os.WriteFile(file, []byte("const WebSocket = require('ws');\n"+snippet), 0o600); err != nil {
		t.Fatal(err)
	}
	return start(t, "exec node "+file, "NODE_PATH="+library)
}

func (r *reader) testTerminal(t *testing.T) {
	t.Helper()
	produce, typed, answer, consume := r.take(t, started, "sh in"), r.take(t, started, "json typed"), r.take(t, started, "json answer"), r.take(t, started, "sh out")
	path := "PYTHONPATH=" + clients(t, "python")
	in := start(t, "exec "+produce, path)
	in.await(t, "Connected")
	if _, err := in.stdin.Write([]byte(typed + "\n")); err != nil {
		t.Fatal(err)
	}
	same(t, in.await(t, `< (\{.*\})`)[1], answer)
	start(t, "exec "+consume, path).await(t, `< (\{"wsProxyMessageId":.*"value":\{"value":"hello","format":"string"\}\})`)
}

func (r *reader) testServe(t *testing.T) {
	t.Helper()
	build(t, r.take(t, started, "sh"))
	serve := start(t, r.take(t, started, "sh serve"), "WSPROXY_PORT=0", "WSPROXY_ADMIN_PORT=0", "WSPROXY_DRAIN_DELAY=0s", "WSPROXY_LOG_FORMAT=json")
	port := serve.await(t, `"main":"[^"]*:(\d+)"`)[1]
	body := get(t, "http://localhost:"+port+"/kafka/cluster/info")
	if _, kafkaPort, _ := strings.Cut(r.at.kafka, ":"); !strings.Contains(body, `"port":`+kafkaPort) {
		t.Errorf("got %s", body)
	}
}

// testProtocol sends the examples of the protocol.
func (r *reader) testProtocol(t *testing.T) {
	t.Helper()
	in := dial(t, r.at, "/socket/in?clientId=examples&topic=demo")
	send(t, in, r.take(t, protocol, "json in"))
	answer := receive(t, in)
	same(t, answer, r.take(t, protocol, "json answer"))
	send(t, in, r.take(t, protocol, "json in"))
	if got, want := decode(t, receive(t, in)), decode(t, r.take(t, protocol, "json error")); !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, the page says %v", got, want)
	}

	r.testTombstone(t, in)

	out := dial(t, r.at, "/socket/out?clientId=examples&groupId=examples&topic=demo&valType=json&autoCommit=false")
	record := receive(t, out)
	for !strings.Contains(record, "celsius") {
		record = receive(t, out)
	}
	same(t, record, r.take(t, protocol, "json out"))
	id := regexp.MustCompile(`"wsProxyMessageId":"[^"]*"`)
	send(t, out, id.ReplaceAllString(r.take(t, protocol, "json commit"), id.FindString(record)))
	awaitCommit(t, r.at, answer)

	held := dial(t, r.at, "/socket/out?clientId=credit&topic=demo&credit=0")
	send(t, held, r.take(t, protocol, "json grant"))
	receive(t, held)
}

// testTombstone writes one, and reads it.
func (r *reader) testTombstone(t *testing.T, in *websocket.Conn) {
	t.Helper()
	send(t, in, r.take(t, protocol, "json tombstone"))
	if answer, ok := decode(t, receive(t, in)).(map[string]any); !ok || answer["messageId"] != "m3" || answer["error"] != nil {
		t.Errorf("got %v", answer)
	}
	out := dial(t, r.at, "/socket/out?clientId=tombstones&topic=demo&valType=json")
	for {
		if record := receive(t, out); strings.HasSuffix(record, `"key":{"value":"sensor-1","format":"string"},"value":{"value":null,"format":"json"}}`) {
			return
		}
	}
}

// testAvro runs the Python program.
func (r *reader) testAvro(t *testing.T) {
	t.Helper()
	program, library := r.take(t, protocol, "python avro"), clients(t, "python")
	file := filepath.Join(t.TempDir(), "avro.py")
	if err := os.WriteFile(file, []byte(program), 0o600); err != nil {
		t.Fatal(err)
	}
	python := start(t, "exec python3 -u "+file, "PYTHONPATH="+library)
	written := python.await(t, `^written \{'topic': 'demo', 'partition': (\d), 'offset': (\d+), 'timestamp': (\d+), 'clientMessageId': 'm1'\}$`)
	id := strings.Join(append([]string{"demo"}, written[1:]...), "-")
	python.await(t, `^read \{'wsProxyMessageId': '`+id+`', .*'key': 'sensor-2', 'value': 21\.5, 'headers': \[\{'key': 'unit', 'value': 'celsius'\}\]\}$`)
}

func (r *reader) testOperations(t *testing.T) {
	t.Helper()
	if got, want := decode(t, run(t, r.take(t, operations, "sh"))), decode(t, r.take(t, operations, "json body")); !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, the page says %v", got, want)
	}
	requests := regexp.MustCompile("\\| `GET :(8078|9078)(/[^`]*)`").FindAllStringSubmatch(read(t, operations), -1)
	if len(requests) != 8 {
		t.Fatalf("found %d requests", len(requests))
	}
	for _, request := range requests {
		get(t, "http://"+r.at.replace("localhost:"+request[1])+request[2])
	}
}

// testPolicy starts a proxy with the policy, and has alice ask for this and that.
func (r *reader) testPolicy(t *testing.T) {
	t.Helper()
	rules := r.take(t, security, "yaml policy")
	r.policy = r.take(t, security, "sh policy")
	r.askAsAlice(t, rules, map[string]int{
		"in?topic=demo&clientId=readme":                       http.StatusUpgradeRequired,
		"in?topic=prices&clientId=readme":                     http.StatusForbidden,
		"out?topic=demo&groupId=ops-1&clientId=readme":        http.StatusUpgradeRequired,
		"out?topic=demo&groupId=dev-1&clientId=readme":        http.StatusForbidden,
		"out?topic=demo&groupId=ops-1&clientId=readme&nobody": http.StatusUnauthorized,
	})
}

// askAsAlice starts a proxy with rules, and has alice ask for sockets without opening them.
func (r *reader) askAsAlice(t *testing.T, rules string, answers map[string]int) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "policy.yaml")
	if err := os.WriteFile(file, []byte(rules), 0o600); err != nil {
		t.Fatal(err)
	}
	command := strings.ReplaceAll(r.policy, "policy.yaml", file)
	serve := start(t, command, "WSPROXY_PORT=0", "WSPROXY_ADMIN_PORT=0", "WSPROXY_DRAIN_DELAY=0s", "WSPROXY_LOG_FORMAT=json")
	address := "http://localhost:" + serve.await(t, `"main":"[^"]*:(\d+)"`)[1]
	awaitOK(t, address+"/ready")
	for query, want := range answers {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address+"/socket/"+query, nil)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(query, "nobody") {
			r.SetBasicAuth("alice", "sesame")
		}
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = answer.Body.Close()
		if answer.StatusCode != want {
			t.Errorf("%s: got %d, want %d", query, answer.StatusCode, want)
		}
	}
}

// testTenants starts a proxy with the policy that keeps tenants apart, and has alice ask for what is hers
// and what is not.
func (r *reader) testTenants(t *testing.T) {
	t.Helper()
	r.askAsAlice(t, r.take(t, security, "yaml tenants"), map[string]int{
		"in?topic=alice.orders&clientId=alice-1":                    http.StatusBadRequest, // there is no such topic
		"in?topic=alice.orders&clientId=bob-1":                      http.StatusForbidden,
		"in?topic=bob.orders&clientId=alice-1":                      http.StatusForbidden,
		"out?topic=alice.orders&clientId=alice-1&groupId=alice-all": http.StatusBadRequest,
		"out?topic=alice.orders&clientId=alice-1&groupId=bob-all":   http.StatusForbidden,
	})
}

// testLimits starts a proxy with the file of limits, and changes one of them.
func (r *reader) testLimits(t *testing.T) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "limits.yaml")
	if err := os.WriteFile(file, []byte(r.take(t, operations, "yaml limits")), 0o600); err != nil {
		t.Fatal(err)
	}
	command := strings.ReplaceAll(r.take(t, operations, "sh limits"), "limits.yaml", file)
	serve := start(t, command, "WSPROXY_PORT=0", "WSPROXY_ADMIN_PORT=0", "WSPROXY_DRAIN_DELAY=0s", "WSPROXY_LOG_FORMAT=json")
	dev := r.at.management
	defer func() { r.at.management = dev }()
	r.at.management = "localhost:" + serve.await(t, `"management":"[^"]*:(\d+)"`)[1]
	awaitOK(t, "http://"+r.at.management+"/readyz")

	const before = `{"group-id":"dashboard","max-connections":20,"messages-per-second":300,"batch-size":100}`
	address := "http://" + r.at.management + "/admin/client/config/consumer/dashboard"
	if got := get(t, address); !reflect.DeepEqual(decode(t, got), decode(t, before)) {
		t.Errorf("got %s from the file", got)
	}
	answer, want := run(t, r.take(t, operations, "sh")), r.take(t, operations, "json body")
	for _, got := range []string{answer, get(t, address)} {
		if !reflect.DeepEqual(decode(t, got), decode(t, want)) {
			t.Errorf("got %s, the page says %s", got, want)
		}
	}
	r.testOffsets(t)
}

// testConsole starts a proxy with the console, and asks for its page.
func (r *reader) testConsole(t *testing.T) {
	t.Helper()
	serve := start(t, r.take(t, console, "sh console"), "WSPROXY_PORT=0", "WSPROXY_ADMIN_PORT=0", "WSPROXY_DRAIN_DELAY=0s", "WSPROXY_LOG_FORMAT=json")
	address := "localhost:" + serve.await(t, `"management":"[^"]*:(\d+)"`)[1]
	awaitOK(t, "http://"+address+"/readyz")
	if body := get(t, "http://ops:sesame@"+address+"/console/"); !strings.Contains(body, "wsproxy console") {
		t.Errorf("got %s", body)
	}
}

// testOffsets sends a group back, when there are as many records as that takes.
func (r *reader) testOffsets(t *testing.T) {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(r.at.kafka))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	var offsets kadm.Offsets
	offsets.AddOffset("demo", 0, 0, -1)
	if err := kadm.NewClient(client).CommitAllOffsets(t.Context(), "readme", offsets); err != nil {
		t.Fatal(err)
	}
	answer := run(t, "curl --silent --fail --retry 60 --retry-delay 1 --retry-all-errors --request PUT --data '"+r.take(t, operations, "json offsets")+
		"' http://"+r.at.management+"/admin/consumer-group/readme/offsets/alter/demo")
	if want := `[{"topic":"demo","partition":0,"offset":2,"metadata":null}]`; strings.TrimSpace(answer) != want {
		t.Errorf("got %s", answer)
	}
}

// awaitOK asks until the answer is 200.
func awaitOK(t *testing.T, url string) {
	t.Helper()
	run(t, "curl --silent --fail --retry 300 --retry-delay 1 --retry-all-errors "+url)
}

func (r *reader) testConfiguration(t *testing.T) {
	t.Helper()
	if out := run(t, r.take(t, configuration, "sh")); !strings.Contains(out, "WSPROXY_PORT") {
		t.Error(out)
	}
}

func dial(t *testing.T, at addresses, path string) *websocket.Conn {
	t.Helper()
	c, answer, err := websocket.Dial(t.Context(), "ws://"+at.main+path, nil) //nolint:bodyclose // the library closes it
	if err != nil {
		t.Fatal(err, answer)
	}
	t.Cleanup(func() { _ = c.CloseNow() })
	return c
}

func send(t *testing.T, c *websocket.Conn, message string) {
	t.Helper()
	if err := c.Write(t.Context(), websocket.MessageText, []byte(message)); err != nil {
		t.Fatal(err)
	}
}

func receive(t *testing.T, c *websocket.Conn) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	_, message, err := c.Read(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return string(message)
}

// awaitCommit waits until the group of the examples has committed the record that was
// answered so.
func awaitCommit(t *testing.T, at addresses, answer string) {
	t.Helper()
	var written struct {
		Partition int32
		Offset    int64
	}
	if err := json.Unmarshal([]byte(answer), &written); err != nil {
		t.Fatal(err)
	}
	client, err := kgo.NewClient(kgo.SeedBrokers(at.kafka))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for {
		offsets, err := kadm.NewClient(client).FetchOffsets(ctx, "examples")
		if err != nil {
			t.Fatal(err)
		}
		if got, ok := offsets.Lookup("demo", written.Partition); ok && got.At == written.Offset+1 {
			return
		}
	}
}

func get(t *testing.T, url string) string {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	answer, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	var body bytes.Buffer
	if _, err := body.ReadFrom(answer.Body); err != nil {
		t.Fatal(err)
	}
	if answer.StatusCode != http.StatusOK {
		t.Errorf("%s: %s: %s", url, answer.Status, body.String())
	}
	return body.String()
}

// same compares a message with a page's, apart from where and when it was written.
func same(t *testing.T, got, example string) {
	t.Helper()
	if !reflect.DeepEqual(placeless(decode(t, got)), placeless(decode(t, example))) {
		t.Errorf("got %s, the page says %s", got, example)
	}
}

func placeless(message any) any {
	object, ok := message.(map[string]any)
	if !ok {
		return message
	}
	for _, name := range []string{"partition", "offset", "timestamp"} {
		if _, number := object[name].(float64); number {
			object[name] = "any"
		}
	}
	if id, ok := object["wsProxyMessageId"].(string); ok && regexp.MustCompile(`^demo-\d+-\d+-\d+$`).MatchString(id) {
		object["wsProxyMessageId"] = "any"
	}
	return object
}

func decode(t *testing.T, text string) any {
	t.Helper()
	var v any
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	return v
}
