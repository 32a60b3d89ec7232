package kafka

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// testTimeout ends a test that hangs. Some tests start brokers again.
const testTimeout = requireTimeout

func TestMain(m *testing.M) {
	code := m.Run()
	if err := CloseShared(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func TestClientsAndToolsReadWhatWasProduced(t *testing.T) {
	t.Parallel()
	b, tools := Require(t), RequireTools(t)
	ctx := deadline(t)
	topic := makeTopic(ctx, t, b.Addr())
	want := []string{"one", "two", "three"}
	produce(ctx, t, b.Addr(), topic, want...)

	got := consume(ctx, t, len(want), seeds(b.Addr()), kgo.ConsumeTopics(topic),
		kgo.ConsumerGroup(topic+"-group"), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	if !slices.Equal(got, want) {
		t.Errorf("a group consumed %q, want %q", got, want)
	}

	cmd := tools.Command(ctx, "org.apache.kafka.tools.consumer.ConsoleConsumer", "--bootstrap-server", b.Addr(),
		"--topic", topic, "--from-beginning", "--max-messages", "3")
	var errout strings.Builder
	cmd.Stderr = &errout
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("the console consumer failed: %v\n%s", err, errout.String())
	}
	if string(out) != "one\ntwo\nthree\n" {
		t.Errorf("the console consumer printed %q\n%s", out, errout.String())
	}
}

func TestRequireSharesOneBroker(t *testing.T) {
	first, second := Require(t), Require(t)
	if first != second {
		t.Errorf("two brokers: %s and %s", first.Addr(), second.Addr())
	}
}

// TestLife is one test because each start takes seconds. Each step has the time of a test.
func TestLife(t *testing.T) {
	t.Parallel()
	b := RequireOwn(t, Options{Properties: map[string]string{"message.max.bytes": "12345"}})
	topic := makeTopic(deadline(t), t, b.Addr())
	checkProperties(deadline(t), t, b.Addr(), map[string]string{
		"message.max.bytes":                "12345",
		"auto.create.topics.enable":        "false",
		"group.initial.rebalance.delay.ms": "0",
	})
	addr, pid := b.Addr(), b.PID()

	produce(deadline(t), t, addr, topic, "before kill")
	must(t, b.Kill())
	if b.PID() != 0 {
		t.Errorf("after Kill its process is %d", b.PID())
	}
	if err := b.Pause(); !errors.Is(err, ErrNotRunning) {
		t.Errorf("after Kill, Pause gives %v", err)
	}
	must(t, b.Restart(deadline(t)))
	if b.Addr() != addr || b.PID() == 0 || b.PID() == pid {
		t.Errorf("after Restart: %s, process %d; before: %s, process %d", b.Addr(), b.PID(), addr, pid)
	}
	checkRecords(deadline(t), t, addr, topic, "before kill")

	must(t, b.Pause())
	if _, err := countBrokers(deadline(t), addr); err == nil {
		t.Error("a paused broker answers")
	}
	must(t, b.Resume())
	produce(deadline(t), t, addr, topic, "after pause")

	must(t, b.Stop())
	if _, err := countBrokers(deadline(t), addr); err == nil {
		t.Error("a stopped broker answers")
	}
	must(t, b.Restart(deadline(t)))
	checkRecords(deadline(t), t, addr, topic, "before kill", "after pause")

	must(t, b.Close())
	if exists(b.run.path) {
		t.Errorf("Close left %s", b.run.path)
	}
	if err := b.Restart(deadline(t)); !errors.Is(err, ErrNotRunning) {
		t.Errorf("after Close, Restart gives %v", err)
	}
}

func TestDataDirIsKeptAndTakenOver(t *testing.T) {
	t.Parallel()
	data := filepath.Join(t.TempDir(), "data")
	first := RequireOwn(t, Options{DataDir: data})
	topic := makeTopic(deadline(t), t, first.Addr())
	produce(deadline(t), t, first.Addr(), topic, "kept")
	must(t, first.Stop())
	must(t, first.Close())

	second := RequireOwn(t, Options{DataDir: data})
	checkRecords(deadline(t), t, second.Addr(), topic, "kept")
}

func TestFailedStartShowsTheLog(t *testing.T) {
	var log strings.Builder
	_, err := Start(deadline(t), Options{Properties: map[string]string{"num.io.threads": "many"}, Log: &log})
	if errors.Is(err, ErrMissing) {
		giveUp(t, err)
	}
	const reason = "Invalid value many for configuration num.io.threads"
	if err == nil || !strings.Contains(err.Error(), reason) {
		t.Errorf("the error does not give the reason: %v", err)
	}
	if !strings.Contains(log.String(), reason) {
		t.Errorf("Options.Log did not get the reason: %q", log.String())
	}
}

func TestPortInUseIsRefused(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer listener.Close()
	_, port, err := net.SplitHostPort(listener.Addr().String())
	must(t, err)
	number, err := strconv.Atoi(port)
	must(t, err)
	_, err = Start(deadline(t), Options{Port: number})
	if errors.Is(err, ErrMissing) {
		giveUp(t, err)
	}
	if !errors.Is(err, errPortTaken) {
		t.Errorf("got %v", err)
	}
}

func deadline(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), testTimeout)
	t.Cleanup(cancel)
	return ctx
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func seeds(addr string) kgo.Opt {
	return kgo.SeedBrokers(strings.Split(addr, ",")...)
}

func adminOf(t *testing.T, addr string) *kadm.Client {
	t.Helper()
	client, err := kgo.NewClient(seeds(addr))
	must(t, err)
	t.Cleanup(client.Close)
	return kadm.NewClient(client)
}

// makeTopic makes a topic of one partition with a name of its own.
func makeTopic(ctx context.Context, t *testing.T, addr string) string {
	t.Helper()
	topic := fmt.Sprintf("%s-%d", t.Name(), time.Now().UnixNano())
	_, err := adminOf(t, addr).CreateTopic(ctx, 1, 1, nil, topic)
	must(t, err)
	return topic
}

func produce(ctx context.Context, t *testing.T, addr, topic string, values ...string) {
	t.Helper()
	client, err := kgo.NewClient(seeds(addr), kgo.DefaultProduceTopic(topic))
	must(t, err)
	defer client.Close()
	for _, value := range values {
		must(t, client.ProduceSync(ctx, kgo.StringRecord(value)).FirstErr())
	}
}

// consume returns the values of the first n records.
func consume(ctx context.Context, t *testing.T, n int, options ...kgo.Opt) []string {
	t.Helper()
	client, err := kgo.NewClient(options...)
	must(t, err)
	defer client.Close()
	var values []string
	for len(values) < n {
		fetches := client.PollFetches(ctx)
		must(t, fetches.Err())
		fetches.EachRecord(func(r *kgo.Record) { values = append(values, string(r.Value)) })
	}
	return values
}

// checkRecords checks that a topic holds these values and no more.
func checkRecords(ctx context.Context, t *testing.T, addr, topic string, want ...string) {
	t.Helper()
	got := consume(ctx, t, len(want), seeds(addr), kgo.ConsumeTopics(topic),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	if !slices.Equal(got, want) {
		t.Errorf("%s holds %q, want %q", topic, got, want)
	}
}

func checkProperties(ctx context.Context, t *testing.T, addr string, want map[string]string) {
	t.Helper()
	configs, err := adminOf(t, addr).DescribeBrokerConfigs(ctx, nodeID)
	must(t, err)
	got := map[string]string{}
	for _, config := range configs[0].Configs {
		if _, asked := want[config.Key]; asked {
			got[config.Key] = config.MaybeValue()
		}
	}
	if !maps.Equal(got, want) {
		t.Errorf("the broker runs with %v, want %v", got, want)
	}
}
