//go:build linux

package leaks

import (
	"strings"
	"testing"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/test/process"
)

// The settings under which connections end soon, and clients of Kafka too.
const (
	maxMessage     = 64 << 10
	maxConnections = 1000
	maxProducers   = 64
	pongTimeout    = 700 * time.Millisecond
)

func settings(broker string) []string {
	return append(process.ServeSettings(broker),
		"WSPROXY_PPROF_ENABLED=true",
		"WSPROXY_PING_INTERVAL=700ms", "WSPROXY_PONG_TIMEOUT="+pongTimeout.String(), "WSPROXY_WRITE_TIMEOUT=2s", "WSPROXY_HANDSHAKE_TIMEOUT=3s",
		"WSPROXY_MAX_MESSAGE_BYTES=64KiB", "WSPROXY_MAX_CONNECTIONS=1000", "WSPROXY_MAX_HANDSHAKES=1000",
		"WSPROXY_KAFKA_MAX_PRODUCER_CLIENTS=64", "WSPROXY_KAFKA_CLIENT_IDLE_TIMEOUT=2s", "WSPROXY_CONSUMER_COMMIT_INTERVAL=100ms",
		"WSPROXY_ALLOWED_TOPICS="+strings.Join([]string{topicIn, topicEmpty, topicFull, topicBig, topicMissing}, ","),
	)
}

// proxy is the running program.
type proxy struct {
	*process.Process
	main, management string // addresses
}

// serve starts the program and returns when it is ready. It ends with the test.
func serve(t *testing.T, broker string) *proxy {
	t.Helper()
	p := &proxy{Process: process.Serve(t, settings(broker))}
	p.main, p.management, _ = p.Addresses()
	return p
}
