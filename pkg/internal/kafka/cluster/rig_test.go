package cluster_test

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/cluster"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/consume"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/kafkatest"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/produce"
)

func connect(t *testing.T, broker *kfake.Cluster) *cluster.Cluster {
	t.Helper()
	return proxyAs(t, kafkatest.Settings(broker.ListenAddrs()...), kafkatest.QuietLog())
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

func consumersOf(t *testing.T, c *cluster.Cluster) *consume.Consumers {
	t.Helper()
	m := consume.NewConsumers(c, nil)
	t.Cleanup(m.Close)
	return m
}

func newPool(t *testing.T, c *cluster.Cluster) *produce.Pool {
	t.Helper()
	p := produce.NewPool(c)
	t.Cleanup(func() { p.Close(kafkatest.Deadline(t)) })
	return p
}

func openTransactions(t *testing.T, pool *produce.Pool, topic *cluster.Topic) *produce.Transactions {
	t.Helper()
	tx, err := pool.OpenTransactions("c", "i", topic)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(tx.Close)
	return tx
}
