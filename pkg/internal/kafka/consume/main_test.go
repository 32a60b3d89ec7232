package consume

import (
	"testing"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/cluster"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/kafkatest"
)

func TestMain(m *testing.M) { kafkatest.Main(m) }

// topicOf opens a topic with the proxy's own identity.
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
