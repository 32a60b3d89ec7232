package outside

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/wsproxy/kafka-websocket-proxy/test/kafka"
)

const (
	largeValue  = 900_000
	largeValues = 20 // of each producer
)

// TestLongStalledProducersStayWithinTheMemory stops a broker under producers that send large messages
// without waiting, together more than the memory of a pod. All are answered when the broker continues.
func TestLongStalledProducersStayWithinTheMemory(t *testing.T) {
	t.Parallel()
	producers := scaled().producers
	broker := kafka.RequireOwn(t, kafka.Options{HeapMiB: 512})
	k := connect(t, broker.Addr())
	topic := k.topic(4)
	p := serve(t, k.addr, "GOMEMLIMIT=460MiB", "WSPROXY_KAFKA_PRODUCER_DELIVERY_TIMEOUT=10m", "WSPROXY_KAFKA_CLIENT_REQUEST_TIMEOUT=5m")
	before := p.memory(t)
	ctx := within(t, 5*patience)
	text := `{"value":{"value":"` + string(randomText(largeValue)) + `"}}`
	conns := make([]*websocket.Conn, producers)
	for i := range conns {
		conns[i] = dial(t, p.url(fmt.Sprintf("/socket/in?clientId=p%d&topic=%s", i, topic)))
		must(t, conns[i].Write(ctx, websocket.MessageText, []byte(`{"value":{"value":"first"}}`)))
		next[answer](t, conns[i])
	}
	must(t, broker.Pause())
	outcomes := make(chan error, 2*producers)
	for _, conn := range conns {
		go func() { outcomes <- sendTimes(ctx, conn, text, largeValues) }()
		go func() { outcomes <- readAnswers(ctx, conn, largeValues) }()
	}
	p.awaitStall(t, "wsproxy_bytes_received_total")
	stalled, received := p.memory(t), p.metric(t, "wsproxy_bytes_received_total")
	t.Logf("held: producing %.0f, receiving %.0f, writing %.0f", p.held(t, "producing"), p.held(t, "receiving"), p.held(t, "writing"))
	must(t, broker.Resume())
	for range cap(outcomes) {
		must(t, <-outcomes)
	}
	peak := p.memory(t).peak
	t.Logf("%d producers sent %s each; resident memory: %s before, at most %s while the broker was stopped and the proxy had read %s, at most %s in all",
		producers, mebibytes(largeValues*largeValue), mebibytes(before.now), mebibytes(stalled.peak), mebibytes(int(received)), mebibytes(peak))
	if peak >= podMemory {
		t.Errorf("resident memory was %s", mebibytes(peak))
	}
	await(t, "nothing to be held", func() bool { return p.held(t, "producing")+p.held(t, "receiving") == 0 })
}

func sendTimes(ctx context.Context, conn *websocket.Conn, text string, n int) error {
	for range n {
		if err := conn.Write(ctx, websocket.MessageText, []byte(text)); err != nil {
			return fmt.Errorf("sending a large message: %w", err)
		}
	}
	return nil
}

// readAnswers reads the answers to n messages, all of which Kafka must have taken.
func readAnswers(ctx context.Context, conn *websocket.Conn, n int) error {
	for i := range n {
		a, err := receive[answer](ctx, conn)
		if err != nil {
			return fmt.Errorf("reading answer %d: %w", i, err)
		}
		if a.Error != nil {
			return fmt.Errorf("answer %d is %+v", i, *a.Error)
		}
	}
	return nil
}

// podMemory is the memory limit of the chart's pods, of which GOMEMLIMIT is nine tenths.
const podMemory = 512 << 20

// held returns how much of the memory budget is held for a kind.
func (p *proxy) held(t testing.TB, kind string) float64 {
	t.Helper()
	return p.metric(t, fmt.Sprintf("wsproxy_memory_held_bytes{kind=%q}", kind))
}

// awaitStall waits until a counter has not changed for a while.
func (p *proxy) awaitStall(t testing.TB, counter string) {
	t.Helper()
	const still = 3 * time.Second
	last, since := -1.0, time.Now()
	await(t, strings.TrimPrefix(counter, "wsproxy_")+" to stand still", func() bool {
		if now := p.metric(t, counter); now != last {
			last, since = now, time.Now()
		}
		return time.Since(since) > still
	})
}
