package cli_test

import (
	"io"
	"regexp"
	"strings"
	"testing"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/cli"
)

// administrate runs wsproxy dev with the admin API, until the test's end.
func administrate(t *testing.T) {
	t.Helper()
	stdout, _, _ := begin(t, []string{"WSPROXY_LOG_LEVEL=error", "WSPROXY_ADMIN_ENDPOINT_ENABLED=true", "WSPROXY_DYNAMIC_CONFIG_HANDLER_ENABLED=true"},
		"dev", "--port", "0", "--admin-port", "0", "--kafka-port", "0", "--quiet", "--topic", "orders:3")
	await(t, "the proxy", func() bool { return strings.Contains(stdout.String(), "/readyz") })
	t.Setenv("WSPROXY_URL", "ws://"+regexp.MustCompile(`listens on (localhost:\d+)`).FindStringSubmatch(stdout.String())[1])
	t.Setenv("WSPROXY_ADMIN_URL", regexp.MustCompile(`(http://localhost:\d+)/readyz`).FindStringSubmatch(stdout.String())[1])
}

func TestTheAdminAPIIsAsked(t *testing.T) {
	administrate(t)
	succeed(t, "1\n", "produce", "-t", "orders")
	succeed(t, "", "consume", "-t", "orders", "-G", "billing", "-c", "1")
	_, _, stop := begin(t, nil, "consume", "-t", "orders", "-G", "billing", "--client-id", "me")
	await(t, "the session", func() bool {
		return regexp.MustCompile(`(?m)^\S+ +consumer +me +billing +orders .* \d+ +0 +-$`).MatchString(succeed(t, "", "sessions"))
	})
	for _, test := range []struct{ args, want string }{
		{"topics", `(?m)^TOPIC +PARTITIONS\n(.*\n)*orders +3$`},
		{"topics orders", `"endOffset": 1\n`},
		{"topics -J", `{"name":"orders","partitions":3,"internal":false}`},
		{"groups", `(?m)^billing +classic +`},
		{"groups billing", `"clientId": "me"`},
		{"sessions --group billing --topic orders --client-id me --limit 1", `(?m)^ID .* RECORDS +LAG +HELD\n\S+ +consumer +me .*\n$`},
		{"sessions --figures", `(?m)^\S+ +consumer +me `},
		{"sessions --replica nobody", `^ID [^\n]*\n$`},
		{"__complete closes --group b", `(?m)^billing$`},
		{"limits", `(?m)^consumer +__DEFAULT__ +static +-`},
		{"__complete consume --topic o", `(?m)^orders$`},
		{"__complete consume --group b", `(?m)^billing$`},
		{"completion bash", `wsproxy`},
	} {
		_, got, stderr := pipe(t, "", strings.Split(test.args, " ")...)
		if !regexp.MustCompile(test.want).MatchString(got) {
			t.Errorf("%s prints %s%s", test.args, got, stderr)
		}
	}
	stop()
}

// TestEndsOfConnectionsAreListed with what their codes mean. The end of a connection is known soon after its client has ended.
func TestEndsOfConnectionsAreListed(t *testing.T) {
	administrate(t)
	succeed(t, "1\n", "produce", "-t", "orders", "--client-id", "till")
	succeed(t, "", "consume", "-t", "orders", "-G", "billing", "--client-id", "me", "-c", "1")
	for _, test := range []struct{ args, want string }{
		{"closes", `^AT +CODE +CLIENT [^\n]*\n(.*\n)*\S+Z +1000 +till +in +orders +[^\n]* 1 +\d+s +One of the two sides was done\.\n`},
		{"closes --all-replicas --limit 1", `^AT [^\n]*\n[^\n]*\n$`},
		{"closes --limit 1", `^AT [^\n]*\n[^\n]*\n$`},
		{"closes --group billing", `^AT [^\n]*\n\S+Z +1000 +me [^\n]*\n$`},
		{"closes --client-id till --topic orders", `^AT [^\n]*\n\S+Z +1000 +till [^\n]*\n$`},
		{"closes --client-id nobody", `^AT [^\n]*\n$`},
	} {
		await(t, test.args, func() bool {
			return regexp.MustCompile(test.want).MatchString(succeed(t, "", strings.Fields(test.args)...))
		})
	}
}

// TestAConnectionIsEvicted by its id, which the list of sessions has.
func TestAConnectionIsEvicted(t *testing.T) {
	administrate(t)
	var stderr output
	code := make(chan int, 1)
	go func() {
		args := []string{"consume", "-t", "orders", "-G", "billing", "--client-id", "me"}
		code <- cli.Run(t.Context(), cli.Process{Args: args, Stdout: io.Discard, Stderr: &stderr})
	}()
	var id []string
	await(t, "the session", func() bool {
		id = regexp.MustCompile(`(?m)^(\S+) +consumer +me `).FindStringSubmatch(succeed(t, "", "sessions"))
		return id != nil
	})
	if _, got, _ := pipe(t, "", "__complete", "sessions", "evict", ""); !strings.HasPrefix(got, id[1]+"\n") {
		t.Errorf("ids are completed by %q", got)
	}
	if got := succeed(t, "", "sessions", "evict", id[1]); got != id[1]+" is evicted\n" {
		t.Errorf("got %q", got)
	}
	if got := <-code; got != 1 || !strings.Contains(stderr.String(), "4409") || strings.Contains(stderr.String(), "give another") {
		t.Errorf("who is evicted ends with %d, %s", got, stderr.String())
	}
	for _, args := range [][]string{{"sessions", "evict", id[1]}, {"sessions", "evict", "a/b"}} {
		if code, _, stderr := pipe(t, "", args...); code != 1 || !strings.HasPrefix(stderr, "NOT_FOUND: There is no session") {
			t.Errorf("%s: exit code %d, %s", args, code, stderr)
		}
	}
}

func TestLimitsAreChanged(t *testing.T) {
	administrate(t)
	for _, test := range []struct {
		args string
		code int
		want string // of both outputs
	}{
		{"limits set consumer a/b --connections 3", 0, `"max-connections": 3,`},
		{"limits set consumer a/b --per-second 4 --batch 5", 0, `"max-connections": 0,\n *"messages-per-second": 4,\n *"batch-size": 5`},
		{"limits set producer p --per-second 0", 0, `"producer-id": "p"`},
		{"limits", 0, `(?m)^consumer +a/b +dynamic +- +4 +5\n(.*\n)*producer +p +dynamic`},
		{"limits delete consumer a/b", 0, "the limits of consumer a/b are deleted"},
		{"limits delete consumer a/b", 1, "NOT_FOUND: .* has no dynamic limits.\n$"},
		{"limits set consumer __DEFAULT__ --batch 1", 1, "INVALID_PARAMETER"},
		{"limits set consumer g", 2, "at least one"},
		{"limits set producer p --batch 1", 2, "for consumers alone"},
		{"limits set consumer g --batch -1", 2, "0 or more"},
		{"limits set g --batch 1", 2, "consumer GROUP"},
		{"limits delete topic t", 2, "consumer GROUP"},
		{"sessions evict", 2, "wsproxy sessions"},
		{"sessions --limit x", 1, "INVALID_PARAMETER: .*limit"},
		{"topics nowhere", 1, "^TOPIC_NOT_FOUND: .*\n$|^NOT_FOUND: .*\n$"},
	} {
		code, stdout, stderr := pipe(t, "", strings.Fields(test.args)...)
		if code != test.code || !regexp.MustCompile(test.want).MatchString(stdout+stderr) {
			t.Errorf("%s: exit code %d, %s%s", test.args, code, stdout, stderr)
		}
	}
}

func TestTheAdminAPIThatIsNotThere(t *testing.T) {
	url := develop(t)
	for name, test := range map[string]struct {
		args   string
		code   int
		stderr string
	}{
		"nobody named":   {"topics", 2, "WSPROXY_ADMIN_URL"},
		"another server": {"topics --admin-url " + strings.Replace(url, "ws", "http", 1), 1, "WSPROXY_ADMIN_ENDPOINT_ENABLED"},
		"nobody there":   {"groups --admin-url http://127.0.0.1:1", 1, "refused"},
		"too much":       {"sessions x", 2, "arg"},
	} {
		t.Run(name, func(t *testing.T) {
			if code, stdout, stderr := pipe(t, "", strings.Fields(test.args)...); code != test.code || stdout != "" || !strings.Contains(stderr, test.stderr) {
				t.Errorf("exit code %d, %q, %s", code, stdout, stderr)
			}
		})
	}
}
