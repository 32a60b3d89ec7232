package share

import (
	"testing"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/kafkatest"
)

func TestMain(m *testing.M) { kafkatest.Main(m) }
