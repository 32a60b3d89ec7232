// Package clustertest connects tests of the Kafka packages to brokers. It is separate from kafkatest,
// since the internal tests of package cluster use kafkatest.
package clustertest

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

// Dial connects to brokers; nil means the default.
type Dial = func(ctx context.Context, network, address string) (net.Conn, error)

// Connect connects to a broker of kfake until the test ends.
func Connect(t *testing.T, broker *kfake.Cluster) *cluster.Cluster {
	t.Helper()
	return ConnectTo(t, broker.ListenAddrs()...)
}

// ConnectTo connects to brokers at addresses.
func ConnectTo(t *testing.T, hosts ...string) *cluster.Cluster {
	t.Helper()
	return ConnectThrough(t, nil, hosts...)
}

// ConnectThrough connects to brokers with dial.
func ConnectThrough(t *testing.T, dial Dial, hosts ...string) *cluster.Cluster {
	t.Helper()
	return ConnectWith(t, kafkatest.Settings(hosts...), dial)
}

// ConnectWith connects like a proxy with these settings.
func ConnectWith(t *testing.T, settings *config.Kafka, dial Dial) *cluster.Cluster {
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
