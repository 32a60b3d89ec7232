package devbroker_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/devbroker"
)

func start(t *testing.T, o devbroker.Options) *devbroker.Broker {
	t.Helper()
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	b, err := devbroker.Start(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	return b
}

func client(t *testing.T, b *devbroker.Broker, opts ...kgo.Opt) *kgo.Client {
	t.Helper()
	cl, err := kgo.NewClient(append(opts, kgo.SeedBrokers(b.Addr()))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cl.Close)
	return cl
}

func deadline(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// produce writes values to topic, one after another.
func produce(t *testing.T, b *devbroker.Broker, topic string, values ...string) {
	t.Helper()
	cl := client(t, b)
	for _, v := range values {
		if err := cl.ProduceSync(deadline(t), &kgo.Record{Topic: topic, Value: []byte(v)}).FirstErr(); err != nil {
			t.Fatalf("produce %q: %v", v, err)
		}
	}
}

// consume reads n values of topic as a member of group, commits them and leaves.
func consume(t *testing.T, b *devbroker.Broker, topic, group string, n int) (values []string) {
	t.Helper()
	cl := client(t, b, kgo.ConsumeTopics(topic), kgo.ConsumerGroup(group), kgo.DisableAutoCommit(),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	for len(values) < n {
		fetches := cl.PollFetches(deadline(t))
		if err := fetches.Err(); err != nil {
			t.Fatalf("consume %s: %v", topic, err)
		}
		fetches.EachRecord(func(r *kgo.Record) { values = append(values, string(r.Value)) })
	}
	if err := cl.CommitUncommittedOffsets(deadline(t)); err != nil {
		t.Fatalf("commit %s: %v", topic, err)
	}
	cl.Close()
	return values
}

func wantValues(t *testing.T, got []string, want ...string) {
	t.Helper()
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// partitions returns the topics of b and how many partitions they have.
func partitions(t *testing.T, b *devbroker.Broker) map[string]int {
	t.Helper()
	topics, err := kadm.NewClient(client(t, b)).ListTopics(deadline(t))
	if err != nil {
		t.Fatal(err)
	}
	have := make(map[string]int)
	for name, topic := range topics {
		have[name] = len(topic.Partitions)
	}
	return have
}

func wantTopics(t *testing.T, b *devbroker.Broker, want map[string]int) {
	t.Helper()
	if have := partitions(t, b); fmt.Sprint(have) != fmt.Sprint(want) {
		t.Errorf("topics %v, want %v", have, want)
	}
}

func TestProduceAndConsume(t *testing.T) {
	b := start(t, devbroker.Options{Topics: map[string]int32{"orders": 1}})
	produce(t, b, "orders", "one", "two", "three")
	wantValues(t, consume(t, b, "orders", "g", 3), "one", "two", "three")
}

// needIPv6 skips a test where the machine has no IPv6.
func needIPv6(t *testing.T) {
	t.Helper()
	l, err := net.Listen("tcp", "[::1]:0")
	if err != nil {
		t.Skipf("this machine has no IPv6: %v", err)
	}
	_ = l.Close()
}

func TestItIsOneBrokerOnTheAddressThatItAdvertises(t *testing.T) {
	for _, tc := range []struct{ name, host, advertised string }{
		{"default", "", "127.0.0.1"},
		{"loopback name", "localhost", "127.0.0.1"},
		{"every interface", "0.0.0.0", "127.0.0.1"},
		{"IPv6 loopback", "::1", "::1"},
		{"every interface, by IPv6", "::", "::1"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if tc.advertised == "::1" {
				needIPv6(t)
			}
			b := start(t, devbroker.Options{Host: tc.host})
			brokers, err := kadm.NewClient(client(t, b)).ListBrokers(deadline(t))
			if err != nil {
				t.Fatal(err)
			}
			if len(brokers) != 1 {
				t.Fatalf("%d brokers, want 1", len(brokers))
			}
			got := net.JoinHostPort(brokers[0].Host, strconv.Itoa(int(brokers[0].Port)))
			if host, _, _ := net.SplitHostPort(got); got != b.Addr() || host != tc.advertised {
				t.Errorf("advertised %s, Addr is %s, want host %s", got, b.Addr(), tc.advertised)
			}
		})
	}
}

func TestTopicsAreCreatedByThoseWhoAskOnly(t *testing.T) {
	b := start(t, devbroker.Options{Topics: map[string]int32{"a": 3, "b": 0}})
	cl := client(t, b, kgo.AllowAutoTopicCreation(), kgo.UnknownTopicRetries(0))
	err := cl.ProduceSync(deadline(t), &kgo.Record{Topic: "nobody-made-it"}).FirstErr()
	if !errors.Is(err, kerr.UnknownTopicOrPartition) {
		t.Errorf("producing to a missing topic: %v", err)
	}
	if _, err := kadm.NewClient(cl).CreateTopic(deadline(t), -1, -1, nil, "asked-for"); err != nil {
		t.Error(err)
	}
	wantTopics(t, b, map[string]int{"a": 3, "b": devbroker.DefaultPartitions, "asked-for": devbroker.DefaultPartitions})
}

func TestDataDirOutlivesTheBroker(t *testing.T) {
	dir := t.TempDir()
	first := start(t, devbroker.Options{DataDir: dir, Topics: map[string]int32{"orders": 2, "kept": 1}})
	produce(t, first, "kept", "one", "two")
	wantValues(t, consume(t, first, "kept", "g", 2), "one", "two")
	produce(t, first, "kept", "three")
	first.Close()

	var log bytes.Buffer
	second := start(t, devbroker.Options{
		DataDir: dir,
		Topics:  map[string]int32{"orders": 5, "kept": 1, "new": 4},
		Logger:  slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelWarn})),
	})
	wantTopics(t, second, map[string]int{"orders": 2, "kept": 1, "new": 4})
	wantValues(t, consume(t, second, "kept", "g", 1), "three") // the group's commit was kept too
	wantValues(t, consume(t, second, "kept", "another", 3), "one", "two", "three")
	second.Close()
	if n := strings.Count(log.String(), "topic=orders"); n != 1 || strings.Contains(log.String(), "topic=kept") {
		t.Errorf("want one warning, about orders; got %s", &log)
	}
}

func TestPortInUse(t *testing.T) {
	b := start(t, devbroker.Options{})
	_, text, err := net.SplitHostPort(b.Addr())
	if err != nil {
		t.Fatal(err)
	}
	port, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct{ name, setting, want string }{
		{"with the setting's name", "--kafka-port", "or choose another port with --kafka-port (0 takes any that is free)"},
		{"without", "", "or choose another port (0 takes any that is free)"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := devbroker.Start(devbroker.Options{Port: port, PortSetting: tc.setting})
			var inUse *devbroker.PortInUseError
			if !errors.As(err, &inUse) || inUse.Port != port {
				t.Fatalf("got %v, want a PortInUseError of port %d", err, port)
			}
			for _, part := range []string{text, "127.0.0.1", tc.want} {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("%q lacks %q", err, part)
				}
			}
		})
	}
}

func TestStartFails(t *testing.T) {
	for _, tc := range []struct {
		name string
		o    devbroker.Options
		want string
	}{
		{"host that is not here", devbroker.Options{Host: "192.0.2.1"}, "192.0.2.1"},
		{"topic with a space", devbroker.Options{Topics: map[string]int32{"no spaces": 1}}, `"no spaces"`},
		{"topic without a name", devbroker.Options{Topics: map[string]int32{"": 1}}, `""`},
		{"topic that is a folder", devbroker.Options{Topics: map[string]int32{"..": 1}}, `".."`},
		{"topics with one metric name", devbroker.Options{Topics: map[string]int32{"a.b": 1, "a_b": 1}}, `"a_b"`},
		{"data directory that is a file", devbroker.Options{DataDir: "main_test.go"}, "main_test.go"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			b, err := devbroker.Start(tc.o)
			if err == nil {
				b.Close()
				t.Fatal("it started")
			}
			if !strings.Contains(err.Error(), tc.want) {
				t.Errorf("%q lacks %q", err, tc.want)
			}
		})
	}
}

func TestThePortIsFreeAfterClose(t *testing.T) {
	b := start(t, devbroker.Options{})
	b.Close()
	b.Close()
	_, text, _ := net.SplitHostPort(b.Addr())
	port, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	if again := start(t, devbroker.Options{Port: port}); again.Addr() != b.Addr() {
		t.Errorf("listens on %s, want %s", again.Addr(), b.Addr())
	}
}

func TestLogLevels(t *testing.T) {
	var log bytes.Buffer
	b := start(t, devbroker.Options{
		Logger: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelInfo})),
		Topics: map[string]int32{"orders": 1},
	})
	produce(t, b, "orders", "one")
	consume(t, b, "orders", "g", 1)
	b.Close()
	if log.Len() > 0 {
		t.Errorf("use without faults logs %s", &log)
	}
}

// TestRequestsThatFailInJavaToolsAreNotOffered guards against failures seen with Apache Kafka 4.3.1: see
// maxVersions.
func TestRequestsThatFailInJavaToolsAreNotOffered(t *testing.T) {
	b := start(t, devbroker.Options{})
	versions, err := kadm.NewClient(client(t, b)).ApiVersions(deadline(t))
	if err != nil {
		t.Fatal(err)
	}
	broker := versions[0] // its node id
	for _, tc := range []struct {
		name    string
		key     int16
		want    int16
		offered bool
	}{
		{"ListGroups", 16, 4, true},
		{"CreateTopics", 19, 4, true},
		{"DescribeTopicPartitions", 75, 0, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, offered := broker.KeyMaxVersion(tc.key)
			if offered != tc.offered || offered && got != tc.want {
				t.Errorf("offered: %t, up to version %d; want %t, %d", offered, got, tc.offered, tc.want)
			}
		})
	}
}
