package inventory

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/cluster"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/metrics"
)

// coordinatorBackoff is the pause before a retry while a group has no coordinator.
const coordinatorBackoff = 200 * time.Millisecond

// Inventory serves the requests of administrators about a cluster. It has its own client: a broker
// answers the requests of a connection one after another, and requests of connecting clients must not
// wait for those of administrators.
type Inventory struct {
	client  *kgo.Client
	admin   *kadm.Client
	metrics *metrics.Metrics
}

// Open creates the client for administrators. It does not wait for brokers.
func Open(c *cluster.Cluster) (*Inventory, error) {
	client, err := kgo.NewClient(c.Options(metrics.AdminClient, "wsproxy-admin", kgo.RequestRetries(3))...)
	if err != nil {
		return nil, fmt.Errorf("making the Kafka client for administrators: %w", err)
	}
	c.Metrics.KafkaClients(metrics.AdminClient).Inc()
	return &Inventory{client: client, admin: kadm.NewClient(client), metrics: c.Metrics}, nil
}

// Close ends requests under way.
func (a *Inventory) Close() {
	a.client.Close()
	a.metrics.KafkaClients(metrics.AdminClient).Dec()
}

// call repeats a request until a group's coordinator is available, or until ctx ends.
func call[T any](ctx context.Context, request func(context.Context) (T, error)) (T, error) {
	for {
		answer, err := request(ctx)
		if !errors.Is(err, kerr.CoordinatorNotAvailable) && !errors.Is(err, kerr.CoordinatorLoadInProgress) && !errors.Is(err, kerr.NotCoordinator) {
			return answer, err
		}
		if cluster.Pause(ctx, coordinatorBackoff); ctx.Err() != nil {
			return answer, err
		}
	}
}
