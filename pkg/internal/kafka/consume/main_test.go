package consume

import (
	"context"
	"net"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/config"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/cluster"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/kafkatest"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/metrics"
)

func TestMain(m *testing.M) { kafkatest.Main(m) }

func connect(t *testing.T, broker *kfake.Cluster) *cluster.Cluster {
	t.Helper()
	return connectTo(t, broker.ListenAddrs()...)
}

func connectTo(t *testing.T, hosts ...string) *cluster.Cluster {
	t.Helper()
	return connectThrough(t, nil, hosts...)
}

// connectThrough has connections to brokers made by dial.
func connectThrough(t *testing.T, dial func(ctx context.Context, network, address string) (net.Conn, error), hosts ...string) *cluster.Cluster {
	t.Helper()
	return connectWith(t, kafkatest.Settings(hosts...), dial)
}

func connectWith(t *testing.T, settings *config.Kafka, dial func(ctx context.Context, network, address string) (net.Conn, error)) *cluster.Cluster {
	t.Helper()
	c, err := cluster.Connect(settings, cluster.Environment{
		Log: kafkatest.QuietLog(), Metrics: metrics.New(prometheus.NewRegistry(), metrics.Build{}), Dial: dial,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// topicOf opens a topic as the proxy.
func topicOf(t *testing.T, c *cluster.Cluster, name string) *cluster.Topic {
	t.Helper()
	topics := c.WatchTopics()
	t.Cleanup(topics.Close)
	topic, err := topics.OpenFor(kafkatest.Deadline(t), cluster.Access{Topic: name})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(topic.Close)
	return topic
}

func consumersOf(t *testing.T, c *cluster.Cluster) *Consumers {
	t.Helper()
	m := NewConsumers(c, nil)
	t.Cleanup(m.Close)
	return m
}
