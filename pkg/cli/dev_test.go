package cli_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/coder/websocket"
)

// find returns the first group of a pattern in the output of a command.
func find(t *testing.T, o *output, pattern string) string {
	t.Helper()
	match := regexp.MustCompile(pattern).FindStringSubmatch(o.String())
	if match == nil {
		t.Fatalf("there is no %s in\n%s", pattern, o)
	}
	return match[1]
}

// TestDev runs the commands that dev prints, with the addresses in them.
func TestDev(t *testing.T) {
	stdout, stderr, stop := begin(t, nil, "dev", "--port", "0", "--admin-port", "0", "--kafka-port", "0", "--quiet")
	await(t, "the proxy", func() bool { return strings.Contains(stdout.String(), "Ctrl-C") })

	ready := find(t, stdout, `curl (http://\S+/readyz)`)
	await(t, "readiness", func() bool {
		code, _, _ := run(t, nil, "healthcheck", "--url", ready)
		return code == 0
	})
	if code, body, text := run(t, nil, "healthcheck", "--url", find(t, stdout, `curl (http://\S+/kafka/cluster/info)`)); code != 0 || !strings.Contains(body, `"id":0`) {
		t.Errorf("got %s, %s", body, text)
	}
	docs := find(t, stdout, `docs are at (https://\S+)#readme,`)
	for name, part := range map[string]string{"openapi": docs, "asyncapi": "/socket/out"} {
		url := find(t, stdout, `  (http://\S+/`+name+`\.yaml)`)
		if code, body, text := run(t, nil, "healthcheck", "--url", url); code != 0 || !strings.HasPrefix(body, name+": ") || !strings.Contains(body, part) {
			t.Errorf("%s: got %.100s, %s", url, body, text)
		}
	}
	if code, body, text := run(t, nil, "healthcheck", "--url", find(t, stdout, `in a browser:\n  (http://\S+/console/)`)); code != 0 || !strings.Contains(body, "js/app.js") {
		t.Errorf("the console: got %s, %s", body, text)
	}
	in := dial(t, find(t, stdout, `websockets '(ws://\S+/socket/in\S+)'`), "")
	message := find(t, stdout, `can type is (.*)`)
	if err := in.Write(t.Context(), websocket.MessageText, []byte(message)); err != nil {
		t.Fatal(err)
	}
	if _, answer, err := in.Read(t.Context()); err != nil || !strings.HasPrefix(string(answer), `{"topic":"demo"`) {
		t.Errorf("got %s, %v", answer, err)
	}
	for _, pattern := range []string{`websockets '(ws://\S+/socket/out\S+)'`, `new WebSocket\('(ws://\S+)'\)`} {
		origin := "http://" + find(t, stdout, `open http://(\S+)/metrics`) // of the page whose console it is pasted into
		out := dial(t, find(t, stdout, pattern), origin)
		if _, record, err := out.Read(t.Context()); err != nil || !strings.Contains(string(record), `"value":{"value":"hello","format":"string"}`) {
			t.Errorf("got %s, %v", record, err)
		}
		_ = out.CloseNow()
	}
	_ = in.CloseNow()
	if code := stop(); code != 0 {
		t.Errorf("exit code %d\n%s", code, stderr)
	}
	if strings.Contains(stdout.String(), "Press Enter") {
		t.Error("it offers a browser where there is no terminal")
	}
}

// TestDevInAnEnvironment has settings of another proxy in the environment: the flags take precedence
// over them, those for the authentication to brokers are ignored, and the others apply.
func TestDevInAnEnvironment(t *testing.T) {
	name := filepath.Join(t.TempDir(), "format")
	if err := os.WriteFile(name, []byte("json"), 0o600); err != nil {
		t.Fatal(err)
	}
	stdout, stderr, stop := begin(t, []string{
		"WSPROXY_PORT=1", "WSPROXY_ADMIN_PORT=x", "WSPROXY_SERVER_ID=mine", "WSPROXY_LOG_FORMAT_FILE=" + name,
		"WSPROXY_KAFKA_SECURITY_PROTOCOL=SASL_SSL", "WSPROXY_KAFKA_SASL_USERNAME=u", "WSPROXY_KAFKA_SSL_CA_FILE=/none", "WSPROXY_KAFKA_SASL_FOO=x",
	}, "dev", "--port", "0", "--admin-port", "0", "--kafka-port", "0", "--quiet")
	await(t, "the proxy", func() bool { return strings.Contains(stdout.String(), "Ctrl-C") })
	if code := stop(); code != 0 {
		t.Errorf("exit code %d\n%s", code, stderr)
	}
	if log := stderr.String(); !strings.Contains(log, `"server":"mine"`) || strings.Contains(log, "SASL") || strings.Contains(log, "SSL_CA") {
		t.Errorf("the log is\n%s", log)
	}
}

// TestDevKeepsItsBrokerToThisMachine has a proxy that other machines can reach, as in a container: they
// must not reach the broker, which does not authenticate.
func TestDevKeepsItsBrokerToThisMachine(t *testing.T) {
	environ := []string{"WSPROXY_BIND_INTERFACE=0.0.0.0"}
	stdout, _, stop := begin(t, environ, "dev", "--port", "0", "--admin-port", "0", "--kafka-port", "0", "--quiet")
	await(t, "the proxy", func() bool { return strings.Contains(stdout.String(), "Ctrl-C") })
	find(t, stdout, `Kafka broker on (127\.0\.0\.1:\d+)\.`)
	if code := stop(); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

// TestDevKeepsItsConsoleToThisMachine has settings by which others could reach the console without credentials, or
// which say who may: dev leaves it off then.
func TestDevKeepsItsConsoleToThisMachine(t *testing.T) {
	for _, setting := range []string{
		"WSPROXY_BIND_INTERFACE=0.0.0.0", "WSPROXY_ADMIN_BIND_INTERFACE=0.0.0.0", "WSPROXY_CONSOLE_ENABLED=false", "WSPROXY_ADMIN_ENDPOINT_ENABLED=false",
	} {
		stdout, stderr, stop := begin(t, []string{setting}, "dev", "--port", "0", "--admin-port", "0", "--kafka-port", "0", "--quiet")
		await(t, "the proxy", func() bool { return strings.Contains(stdout.String(), "Ctrl-C") })
		if text := stdout.String(); strings.Contains(text, "/console/") {
			t.Errorf("%s: it prints\n%s", setting, text)
		}
		if code := stop(); code != 0 {
			t.Errorf("%s: exit code %d\n%s", setting, code, stderr)
		}
	}
}

// TestDevFeeds reads the records that dev writes to its topic, and finds them again with the same data.
func TestDevFeeds(t *testing.T) {
	folder := t.TempDir()
	args := []string{"dev", "--port", "0", "--admin-port", "0", "--kafka-port", "0", "--data-dir", folder}
	first := ""
	for _, more := range [][]string{nil, {"--quiet"}} {
		stdout, stderr, stop := begin(t, nil, append(args, more...)...)
		await(t, "the proxy", func() bool { return strings.Contains(stdout.String(), "Ctrl-C") })
		url := find(t, stdout, `websockets '(ws://\S+/socket/out\S+)'`)
		out := dial(t, strings.Replace(url, "clientId=me", "clientId=feed"+first[:min(1, len(first))], 1), "")
		_, record, err := out.Read(t.Context())
		_ = out.CloseNow()
		if err != nil || !strings.Contains(string(record), `"key":{"value":"sensor-`) {
			t.Fatalf("got %s, %v", record, err)
		}
		if first != "" && !strings.Contains(string(record), `"offset":0`) {
			t.Errorf("the data is not what it was: %s", record)
		}
		first = string(record)
		if code := stop(); code != 0 {
			t.Errorf("exit code %d\n%s", code, stderr)
		}
	}
}

func dial(t *testing.T, url, origin string) *websocket.Conn {
	t.Helper()
	options := &websocket.DialOptions{HTTPHeader: map[string][]string{}}
	if origin != "" {
		options.HTTPHeader.Set("Origin", origin)
	}
	c, answer, err := websocket.Dial(t.Context(), url, options) //nolint:bodyclose // the library closes it
	if err != nil {
		t.Fatal(err, answer)
	}
	t.Cleanup(func() { _ = c.CloseNow() })
	return c
}
