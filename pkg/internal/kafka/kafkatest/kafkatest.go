// Package kafkatest is the common part of the tests of the Kafka packages: brokers to test against,
// waits for conditions, and the roles that a proxy's connections have for a package.
package kafkatest

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"go.uber.org/goleak"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/config"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/metrics"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
	"github.com/wsproxy/kafka-websocket-proxy/test/kafka"
)

// Patience bounds each wait.
const Patience = 20 * time.Second

// Main runs a package's tests. It fails them if they leave goroutines behind.
func Main(m *testing.M) { goleak.VerifyTestMain(closing{m}) }

// closing closes the real Kafka that tests share before the check for goroutines.
type closing struct{ *testing.M }

// Run implements goleak.TestingM.
func (c closing) Run() int {
	code := c.M.Run()
	if err := kafka.CloseShared(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return code
}

// Deadline returns a context that lasts for Patience, also in cleanups.
func Deadline(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), Patience) //nolint:usetesting // cleanups need it too
	t.Cleanup(cancel)
	return ctx
}

// Await waits until a condition holds.
func Await(t testing.TB, what string, holds func() bool) {
	t.Helper()
	ctx := Deadline(t)
	ticker := time.NewTicker(5 * time.Millisecond)
	defer ticker.Stop()
	for !holds() {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			t.Fatalf("waited in vain for: %s", what)
		}
	}
}

// Broker starts a broker with topics of three partitions.
func Broker(t testing.TB, topics ...string) *kfake.Cluster {
	t.Helper()
	broker, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(3, topics...))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(broker.Close)
	return broker
}

// Admin returns a client for the tests, which writes to the partitions that records name.
func Admin(t testing.TB, broker *kfake.Cluster) (*kadm.Client, *kgo.Client) {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(broker.ListenAddrs()...), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return kadm.NewClient(client), client
}

// Settings returns the settings of a proxy that uses a Kafka without login.
func Settings(hosts ...string) *config.Kafka {
	return &config.Kafka{
		BootstrapHosts: hosts, ClientRequestTimeout: 10 * time.Second, ClientIdleTimeout: time.Hour,
		ProducerDeliveryTimeout: 10 * time.Second, ProducerCompressionType: "none", MaxProducerClients: 2,
	}
}

// KindOf returns the kind of an error, and Allowed for nil.
func KindOf(err error) proxy.Kind {
	if err == nil {
		return Allowed
	}
	return proxy.AsError(err).Kind
}

// Allowed stands for the kind of a nil error.
const Allowed = proxy.Kind(255)

// QuietLog returns a log that discards everything.
func QuietLog() *slog.Logger { return slog.New(slog.DiscardHandler) }

// LockedText is a text that several goroutines may write.
type LockedText struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// Write implements io.Writer.
func (l *LockedText) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

// String returns all that was written.
func (l *LockedText) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// DebugLog returns a log that logs everything, as the proxy does at its most verbose level.
func DebugLog() (*slog.Logger, *LockedText) {
	text := new(LockedText)
	return slog.New(slog.NewJSONHandler(text, &slog.HandlerOptions{Level: slog.LevelDebug})), text
}

// Scrape returns the series of a proxy's metrics whose text starts with prefix.
func Scrape(t testing.TB, m *metrics.Metrics, prefix string) map[string]float64 {
	t.Helper()
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", nil))
	found := make(map[string]float64)
	for line := range strings.Lines(w.Body.String()) {
		if at := strings.LastIndexByte(line, ' '); strings.HasPrefix(line, prefix) {
			value, err := strconv.ParseFloat(strings.TrimSpace(line[at:]), 64)
			if err != nil {
				t.Fatalf("the line %q: %v", line, err)
			}
			found[line[:at]] = value
		}
	}
	return found
}

// SetTopic changes a setting of the topic "t".
func SetTopic(t testing.TB, admin *kadm.Client, name, value string) {
	t.Helper()
	answers, err := admin.AlterTopicConfigs(Deadline(t), []kadm.AlterConfig{{Name: name, Value: &value}}, "t")
	if err != nil || answers[0].Err != nil {
		t.Fatal(err, answers)
	}
}

// RefuseProducerID lets a broker refuse the next producer id for good.
func RefuseProducerID(broker *kfake.Cluster) {
	broker.ControlKey(int16(kmsg.InitProducerID), func(r kmsg.Request) (kmsg.Response, error, bool) {
		answer, ok := r.ResponseKind().(*kmsg.InitProducerIDResponse)
		if ok {
			answer.ErrorCode = kerr.ClusterAuthorizationFailed.Code
		}
		return answer, nil, ok
	})
}
