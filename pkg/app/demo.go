package app

import (
	"log/slog"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/produce"
)

// FeedDemo writes a record a second to a topic of the broker at address, until stop is
// called.
func FeedDemo(address, topic string, log *slog.Logger) (stop func()) {
	return produce.Feed(address, topic, log)
}
