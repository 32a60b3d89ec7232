package cli_test

import (
	"context"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

func TestBroker(t *testing.T) {
	stdout, stderr, stop := begin(t, nil, "broker", "--listen", "127.0.0.1:0", "--topic", "orders:3")
	await(t, "the broker", func() bool { return strings.Contains(stdout.String(), "\n") })

	client, err := kgo.NewClient(kgo.SeedBrokers(find(t, stdout, `is at (\S+)`)))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	topics, err := kadm.NewClient(client).ListTopics(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if n := len(topics["orders"].Partitions); n != 3 || len(topics) != 1 {
		t.Errorf("got %v, want the topic orders with 3 partitions", topics)
	}
	if code := stop(); code != 0 {
		t.Errorf("exit code %d\n%s", code, stderr)
	}
}

func TestBrokerAdvertises(t *testing.T) {
	stdout, _, stop := begin(t, nil, "broker", "--listen", "127.0.0.1:0", "--advertise", "kafka.example.org:9092")
	await(t, "the broker", func() bool { return strings.Contains(stdout.String(), "is at kafka.example.org:9092\n") })
	if code := stop(); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

func TestBrokerRefuses(t *testing.T) {
	for name, test := range map[string]struct{ args, want string }{
		"no port":              {"--listen=127.0.0.1", "--listen"},
		"no host":              {"--listen=:9092", "--listen"},
		"port too large":       {"--listen=127.0.0.1:65536", "--listen"},
		"advertised, no port":  {"--advertise=kafka", "--advertise"},
		"topic without number": {"--topic=orders", "--topic"},
		"topic of nothing":     {"--topic=orders:0", "--topic"},
		"an argument":          {"orders", "orders"},
	} {
		t.Run(name, func(t *testing.T) {
			if code, _, stderr := run(t, nil, "broker", test.args); code != 2 || !strings.Contains(stderr, test.want) {
				t.Errorf("exit code %d, %s", code, stderr)
			}
		})
	}
}
