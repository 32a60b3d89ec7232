package kafka

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"go.uber.org/goleak"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/config"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/metrics"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
	"github.com/wsproxy/kafka-websocket-proxy/test/kafka"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(closing{m}) }

// closing closes the real Kafka that tests share before it is looked what they left.
type closing struct{ *testing.M }

func (c closing) Run() int {
	code := c.M.Run()
	if err := kafka.CloseShared(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return code
}

// patience bounds each wait.
const patience = 20 * time.Second

func deadline(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience) //nolint:usetesting // cleanups need it too
	t.Cleanup(cancel)
	return ctx
}

// await waits until a condition holds.
func await(t testing.TB, what string, holds func() bool) {
	t.Helper()
	ctx := deadline(t)
	ticker := time.NewTicker(5 * time.Millisecond)
	defer ticker.Stop()
	for !holds() {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			t.Fatalf("waited in vain for: %s", what)
		}
	}
}

// newBroker starts a broker with topics of three partitions.
func newBroker(t *testing.T, topics ...string) *kfake.Cluster {
	t.Helper()
	broker, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(3, topics...))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(broker.Close)
	return broker
}

func connect(t *testing.T, broker *kfake.Cluster) *Cluster {
	t.Helper()
	return connectTo(t, broker.ListenAddrs()...)
}

func connectTo(t *testing.T, hosts ...string) *Cluster {
	t.Helper()
	c, err := Connect(&config.Kafka{
		BootstrapHosts: hosts, ClientRequestTimeout: 10 * time.Second, ClientIdleTimeout: time.Hour,
		ProducerDeliveryTimeout: 10 * time.Second, ProducerCompressionType: "none", MaxProducerClients: 2,
	}, Environment{
		Log:     slog.New(slog.DiscardHandler),
		Metrics: metrics.New(prometheus.NewRegistry(), metrics.Build{}),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func watch(t *testing.T, c *Cluster) *Topics {
	t.Helper()
	topics := c.WatchTopics()
	t.Cleanup(topics.Close)
	return topics
}

func open(t *testing.T, topics *Topics, name string) *Topic {
	t.Helper()
	topic, err := topics.Open(deadline(t), name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(topic.Close)
	return topic
}

func newPool(t *testing.T, c *Cluster) *Producers {
	t.Helper()
	p := c.Producers()
	t.Cleanup(func() { p.Close(deadline(t)) })
	return p
}

// admin returns a client of the tests' own.
func admin(t *testing.T, broker *kfake.Cluster) (*kadm.Client, *kgo.Client) {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(broker.ListenAddrs()...), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return kadm.NewClient(client), client
}

// fate is a record's Completion.
type fate struct {
	done chan struct{}
	ack  proxy.Ack
	err  error
}

func newFate() *fate { return &fate{done: make(chan struct{})} }

func (f *fate) Done(ack proxy.Ack, err error) {
	f.ack, f.err = ack, err
	close(f.done) // panics where it is called twice
}

func (f *fate) await(t *testing.T) (proxy.Ack, error) {
	t.Helper()
	select {
	case <-f.done:
	case <-deadline(t).Done():
		t.Fatal("the record has no fate")
	}
	return f.ack, f.err
}

// produce writes a record and waits for its fate.
func produce(t *testing.T, p *Producer, r proxy.Record) (proxy.Ack, error) {
	t.Helper()
	f := newFate()
	p.Produce(&r, f)
	return f.await(t)
}

func value(text string) proxy.Record {
	return proxy.Record{Partition: proxy.AnyPartition, Value: []byte(text)}
}
