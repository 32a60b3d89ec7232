//go:build linux

package hostile

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/wsproxy/kafka-websocket-proxy/test/kafka"
)

// patience is how long a test waits for what should soon be. It only has to be longer than the
// slowest machine takes.
const patience = time.Minute

func TestMain(m *testing.M) {
	if at := os.Getenv(targetVariable); at != "" {
		if err := attackUntilTold(at); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	code := m.Run()
	if err := kafka.CloseShared(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// makeTopic makes a topic that holds so many bytes.
func makeTopic(t *testing.T, broker string, partitions int32, size int) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	client, err := kgo.NewClient(kgo.SeedBrokers(strings.Split(broker, ",")...))
	must(t, err)
	defer client.Close()
	admin := kadm.NewClient(client)
	topic := fmt.Sprintf("attackers-%d", time.Now().UnixNano())
	_, err = admin.CreateTopic(ctx, partitions, 1, nil, topic)
	must(t, err)
	await(t, "the topic", func() error {
		topics, err := admin.ListTopics(ctx, topic)
		if err != nil {
			return err
		}
		return topics[topic].Err
	})
	value := []byte(strings.Repeat("x", 16<<10))
	for range size / len(value) {
		client.Produce(ctx, &kgo.Record{Topic: topic, Value: value}, func(_ *kgo.Record, err error) {
			if err != nil {
				t.Errorf("filling %s: %v", topic, err)
			}
		})
	}
	must(t, client.Flush(ctx))
	return topic
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
