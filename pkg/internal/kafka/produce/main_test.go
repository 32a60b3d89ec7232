package produce

import (
	"context"
	"net"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kfake"

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
	c, err := cluster.Connect(kafkatest.Settings(hosts...), cluster.Environment{
		Log: kafkatest.QuietLog(), Metrics: metrics.New(prometheus.NewRegistry(), metrics.Build{}), Dial: dial,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func watch(t *testing.T, c *cluster.Cluster) *cluster.Topics {
	t.Helper()
	topics := c.WatchTopics()
	t.Cleanup(topics.Close)
	return topics
}

func open(t *testing.T, topics *cluster.Topics, name string) *cluster.Topic {
	t.Helper()
	topic, err := topics.OpenFor(kafkatest.Deadline(t), cluster.Access{Topic: name})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(topic.Close)
	return topic
}

func newPool(t *testing.T, c *cluster.Cluster) *Pool {
	t.Helper()
	p := NewPool(c)
	t.Cleanup(func() { p.Close(kafkatest.Deadline(t)) })
	return p
}
