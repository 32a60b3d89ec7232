package cluster

import (
	"context"
	"net"
	"testing"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/kafkatest"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// TestNobodyWaitsForDials uses a broker that neither accepts nor refuses connections. A request waits
// until the connection for the first request is established.
func TestNobodyWaitsForDials(t *testing.T) {
	c := connect(t, kafkatest.Broker(t))
	c.security.connect = func(ctx context.Context, _, _ string) (net.Conn, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	topics := watch(t, c)
	for name, ask := range map[string]func(context.Context) error{
		"ping":    c.Ping,
		"brokers": func(ctx context.Context) error { _, err := c.Brokers(ctx); return err },
		"a topic": func(ctx context.Context) error { _, err := topics.OpenFor(ctx, Access{Topic: "t"}); return err },
		"rights":  func(ctx context.Context) error { _, err := topics.OpenFor(ctx, Access{Topic: "t"}); return err },
	} {
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		start := time.Now()
		err := ask(ctx)
		if took := time.Since(start); err == nil || took > dialTimeout/2 {
			t.Errorf("%s: got %v after %v", name, err, took)
		}
		if name != "ping" && kafkatest.KindOf(err) != proxy.KindKafkaUnavailable {
			t.Errorf("%s: got %v", name, err)
		}
		cancel()
	}
}
