package cluster_test

import (
	"fmt"
	"log/slog"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/config"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/cluster"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/kafkatest"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/metrics"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// proxyAs returns a cluster that is connected with these settings.
func proxyAs(t *testing.T, settings *config.Kafka, log *slog.Logger) *cluster.Cluster {
	t.Helper()
	own := *settings
	c, err := cluster.Connect(&own, cluster.Environment{Log: log, Metrics: metrics.New(prometheus.NewRegistry(), metrics.Build{})})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// awaitOpen waits until Kafka, whose ACLs take a moment, answers an access as wanted.
func awaitOpen(t *testing.T, topics *cluster.Topics, a cluster.Access, want proxy.Kind) {
	t.Helper()
	var kind proxy.Kind
	kafkatest.Await(t, fmt.Sprintf("opening as %v gives %v", a.Credentials, want), func() bool {
		topic, err := topics.OpenFor(kafkatest.Deadline(t), a)
		if kind = kafkatest.KindOf(err); err == nil {
			topic.Close()
		}
		return kind == want
	})
}

// opened opens a topic and waits until access to it is granted.
func opened(t *testing.T, topics *cluster.Topics, a cluster.Access) *cluster.Topic {
	t.Helper()
	var topic *cluster.Topic
	kafkatest.Await(t, fmt.Sprintf("opening as %v", a.Credentials), func() (ok bool) {
		var err error
		topic, err = topics.OpenFor(kafkatest.Deadline(t), a)
		return err == nil
	})
	t.Cleanup(topic.Close)
	return topic
}

// denial waits for the end of an access, and returns its kind.
func denial(t *testing.T, topic *cluster.Topic) proxy.Kind {
	t.Helper()
	select {
	case <-topic.Over():
		return topic.End().Kind
	case <-kafkatest.Deadline(t).Done():
		t.Fatal("the access is not denied")
		return 0
	}
}
