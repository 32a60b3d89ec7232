package cli_test

import (
	"regexp"
	"strings"
	"testing"
)

// administrate runs wsproxy dev with the admin API, until the test's end.
func administrate(t *testing.T) {
	t.Helper()
	stdout, _, _ := begin(t, []string{"WSPROXY_LOG_LEVEL=error", "WSPROXY_ADMIN_ENDPOINT_ENABLED=true"},
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
		return regexp.MustCompile(`(?m)^consumer +me +billing +orders `).MatchString(succeed(t, "", "sessions"))
	})
	for _, test := range []struct{ args, want string }{
		{"topics", `(?m)^TOPIC +PARTITIONS\n(.*\n)*orders +3$`},
		{"topics orders", `"endOffset": 1\n`},
		{"topics -J", `{"name":"orders","partitions":3,"internal":false}`},
		{"groups", `(?m)^billing +classic +`},
		{"groups billing", `"clientId": "me"`},
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
