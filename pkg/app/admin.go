package app

import (
	"context"
	"fmt"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/cluster"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/inventory"
)

// openAdmin makes the Kafka client of the admin API, if that is enabled.
func (a *App) openAdmin(brokers *cluster.Cluster) (*inventory.Inventory, error) {
	if !a.config.Server.AdminEndpointEnabled {
		return nil, nil
	}
	client, err := inventory.Open(brokers)
	if err != nil {
		return nil, fmt.Errorf("preparing the admin API: %w", err)
	}
	a.onTearDown(func(context.Context) { client.Close() })
	return client, nil
}
