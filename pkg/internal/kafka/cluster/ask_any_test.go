package cluster_test

import (
	"context"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/kafkatest"
)

// TestPingWhileOneBrokerHangs has each of three brokers hang in turn: two answer.
func TestPingWhileOneBrokerHangs(t *testing.T) {
	broker, err := kfake.NewCluster(kfake.NumBrokers(3))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(broker.Close)
	c := connect(t, broker)
	if err := c.Ping(kafkatest.Deadline(t)); err != nil {
		t.Fatal(err)
	}
	for hung := range int32(3) {
		release := make(chan struct{})
		broker.ControlKey(int16(kmsg.Metadata), func(kmsg.Request) (kmsg.Response, error, bool) {
			broker.KeepControl()
			if broker.CurrentNode() == hung {
				broker.SleepControl(func() { <-release })
			}
			return nil, nil, false
		})
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second) // as the check of readiness has
		if err := c.Ping(ctx); err != nil {
			t.Errorf("while broker %d hangs: %v", hung, err)
		}
		cancel()
		close(release)
	}
}
