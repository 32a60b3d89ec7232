package app

import (
	"context"
	"fmt"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka"
)

// openAdmin makes the Kafka client of the admin API, where there is one.
func (a *App) openAdmin(cluster *kafka.Cluster) (*kafka.Admin, error) {
	if !a.config.Server.AdminEndpointEnabled {
		return nil, nil
	}
	client, err := cluster.Admin()
	if err != nil {
		return nil, fmt.Errorf("preparing the admin API: %w", err)
	}
	a.onTearDown(func(context.Context) { client.Close() })
	return client, nil
}
