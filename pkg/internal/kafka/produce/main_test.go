package produce

import (
	"testing"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/cluster"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/kafkatest"
)

func TestMain(m *testing.M) { kafkatest.Main(m) }

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
