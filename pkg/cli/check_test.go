package cli_test

import (
	"strings"
	"testing"
)

// TestCheck sends records through a proxy that asks for a password.
func TestCheck(t *testing.T) {
	stdout, stderr, stop := begin(t, []string{
		"WSPROXY_BASIC_AUTH_ENABLED=true", "WSPROXY_BASIC_AUTH_USERNAME=user", "WSPROXY_BASIC_AUTH_PASSWORD=pass",
	}, "dev", "--port", "0", "--admin-port", "0", "--kafka-port", "0", "--quiet")
	await(t, "the proxy", func() bool { return strings.Contains(stdout.String(), "Ctrl-C") })
	url := find(t, stdout, `websockets '(ws://[^/]+)/socket/in`)
	right := []string{"CHECK_USERNAME=user", "CHECK_PASSWORD=pass"}
	await(t, "a record that comes back", func() bool { // until the proxy is ready
		code, text, _ := run(t, right, "check", "--url", url, "--topic", "demo")
		return code == 0 && strings.HasPrefix(text, "a record has gone through topic demo and back in ")
	})
	for name, test := range map[string]struct {
		environ []string
		args    []string
		code    int
		stderr  string
	}{
		"a path":         {right, []string{"--url", url + "/", "--topic", "demo"}, 0, ""},
		"no credentials": {[]string{"CHECK_USERNAME="}, []string{"--url", url, "--topic", "demo"}, 1, "NOT_AUTHENTICATED"},
		"a token":        {append([]string{"CHECK_TOKEN=x"}, right...), []string{"--url", url, "--topic", "demo"}, 1, "401"},
		"no such topic":  {right, []string{"--url", url, "--topic", "absent"}, 1, "TOPIC_NOT_FOUND"},
		"no topic":       {right, []string{"--url", url}, 2, "--topic NAME"},
		"nobody there":   {right, []string{"--url", "ws://127.0.0.1:1", "--topic", "demo"}, 1, "connecting to 127.0.0.1:1"},
	} {
		t.Run(name, func(t *testing.T) {
			code, _, text := run(t, test.environ, append([]string{"check"}, test.args...)...)
			if code != test.code || !strings.Contains(text, test.stderr) {
				t.Errorf("exit code %d, %s", code, text)
			}
		})
	}
	if code := stop(); code != 0 {
		t.Errorf("exit code %d\n%s", code, stderr)
	}
}
