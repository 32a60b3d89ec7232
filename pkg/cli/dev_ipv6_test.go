package cli_test

import (
	"context"
	"net"
	"strings"
	"testing"

	"github.com/coder/websocket"
	"github.com/twmb/franz-go/pkg/kgo"
)

// TestDevOnAMachineWithIPv6Alone runs dev on ::1 only: sockets, the management listener and the
// broker, which must not advertise 127.0.0.1 to its clients either.
func TestDevOnAMachineWithIPv6Alone(t *testing.T) {
	l, err := net.Listen("tcp", "[::1]:0")
	if err != nil {
		t.Skipf("this machine has no IPv6: %v", err)
	}
	_ = l.Close()
	environ := []string{"WSPROXY_BIND_INTERFACE=::1"}
	stdout, stderr, stop := begin(t, environ, "dev", "--port", "0", "--admin-port", "0", "--kafka-port", "0", "--quiet")
	await(t, "the proxy", func() bool { return strings.Contains(stdout.String(), "Ctrl-C") })
	ipv6 := func(pattern string) string { return strings.Replace(find(t, stdout, pattern), "localhost", "[::1]", 1) }

	ready := ipv6(`curl (http://\S+/readyz)`)
	await(t, "readiness", func() bool {
		code, _, _ := run(t, nil, "healthcheck", "--url", ready)
		return code == 0
	})
	in := dial(t, ipv6(`websockets '(ws://\S+/socket/in\S+)'`), "http://[::1]:1234")
	if err := in.Write(t.Context(), websocket.MessageText, []byte(find(t, stdout, `can type is (.*)`))); err != nil {
		t.Fatal(err)
	}
	if _, answer, err := in.Read(t.Context()); err != nil || !strings.HasPrefix(string(answer), `{"topic":"demo"`) {
		t.Errorf("got %s, %v", answer, err)
	}
	out := dial(t, ipv6(`websockets '(ws://\S+/socket/out\S+)'`), "")
	if _, record, err := out.Read(t.Context()); err != nil || !strings.Contains(string(record), `"value":"hello"`) {
		t.Errorf("got %s, %v", record, err)
	}
	wantHello(t, find(t, stdout, `Kafka broker on (\[::1\]:\d+)\.`))
	_, _ = in.CloseNow(), out.CloseNow()
	if code := stop(); code != 0 {
		t.Errorf("exit code %d\n%s", code, stderr)
	}
}

// wantHello reads the record from the broker itself, as another Kafka client does.
func wantHello(t *testing.T, broker string) {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(broker), kgo.ConsumeTopics("demo"), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	fetches := client.PollFetches(ctx)
	if err := fetches.Err(); err != nil {
		t.Fatal(err)
	}
	if records := fetches.Records(); len(records) != 1 || string(records[0].Value) != "hello" {
		t.Errorf("got %d records from %s", len(records), broker)
	}
}
