package cluster

import (
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/kafkatest"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/metrics"
)

func TestMain(m *testing.M) { kafkatest.Main(m) }

func connect(t *testing.T, broker *kfake.Cluster) *Cluster {
	t.Helper()
	return connectTo(t, broker.ListenAddrs()...)
}

func connectTo(t *testing.T, hosts ...string) *Cluster {
	t.Helper()
	c, err := Connect(kafkatest.Settings(hosts...), Environment{
		Log: kafkatest.QuietLog(), Metrics: metrics.New(prometheus.NewRegistry(), metrics.Build{}),
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
	topic, err := topics.OpenFor(kafkatest.Deadline(t), Access{Topic: name})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(topic.Close)
	return topic
}
