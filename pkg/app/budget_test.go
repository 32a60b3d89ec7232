package app_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/app"
)

const (
	testBudget = 8 << 20
	// testFloor is the part of the budget that is reserved for each kind, which the others cannot take.
	testFloor = testBudget / 8
	// testValue is the length of the values: a client sends, or is sent, many of them.
	testValue = 100_000
)

// held scrapes how much of the budget is held for a kind.
func held(t *testing.T, a *app.App, kind string) float64 {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+a.AdminAddr()+"/metrics", nil)
	if err != nil {
		t.Fatal(err)
	}
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	answer, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if number, found := strings.CutPrefix(line, fmt.Sprintf("wsproxy_memory_held_bytes{kind=%q} ", kind)); found {
			bytes, _ := strconv.ParseFloat(strings.TrimSpace(number), 64)
			return bytes
		}
	}
	t.Fatalf("nothing tells how much is held for %s", kind)
	return 0
}

func awaitHeld(t *testing.T, a *app.App, kind string, holds func(float64) bool) {
	t.Helper()
	deadline := time.After(patience)
	ticker := time.NewTicker(10 * time.Millisecond)
	defer ticker.Stop()
	for {
		bytes := held(t, a, kind)
		if holds(bytes) {
			return
		}
		select {
		case <-ticker.C:
		case <-deadline:
			t.Fatalf("%.0f bytes are held for %s", bytes, kind)
		}
	}
}

func fill(t *testing.T, broker *kfake.Cluster, n int) {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(broker.ListenAddrs()...), kgo.DefaultProduceTopic("t"),
		kgo.ProducerBatchCompression(kgo.NoCompression()))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	for range n {
		client.Produce(t.Context(), &kgo.Record{Value: []byte(strings.Repeat("x", testValue))}, nil)
	}
	if err := client.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// send sends large messages without waiting for their answers.
func send(ctx context.Context, conn *websocket.Conn, n int) {
	text := []byte(`{"value":{"value":"` + strings.Repeat("x", testValue) + `"}}`)
	for range n {
		_ = conn.Write(ctx, websocket.MessageText, text) // the answers show whether it arrived
	}
}

// wantAcks reads answers, none of which may be an error.
func wantAcks(t *testing.T, conn *websocket.Conn, n int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for i := range n {
		_, text, err := conn.Read(ctx)
		var answer struct{ Error json.RawMessage }
		if err != nil || json.Unmarshal(text, &answer) != nil || answer.Error != nil {
			t.Fatalf("answer %d is %s, %v", i, text, err)
		}
	}
}

// TestStalledConsumersDoNotStopProducers has clients that consume a topic larger than the budget and
// read nothing.
func TestStalledConsumersDoNotStopProducers(t *testing.T) {
	broker := newBroker(t)
	fill(t, broker, 200)
	a := start(t, app.Options{Config: configure(t, broker.ListenAddrs()[0], fmt.Sprintf("WSPROXY_MEMORY_BUDGET=%d", testBudget))})
	awaitReadiness(t, a, http.StatusOK)
	producer := dial(t, a, "/socket/in?clientId=p&topic=t")
	for i := range 30 {
		dialEager(t, a, fmt.Sprintf("/socket/out?clientId=c%d&topic=t", i))
	}
	awaitHeld(t, a, "consuming", func(bytes float64) bool { return bytes > testBudget/2 })
	go send(t.Context(), producer, 40)
	wantAcks(t, producer, 40)
	awaitHeld(t, a, "consuming", func(bytes float64) bool { return bytes <= testBudget })
}

// dialEager dials unless the proxy is full.
func dialEager(t *testing.T, a *app.App, path string) {
	t.Helper()
	conn, answer, err := websocket.Dial(t.Context(), "ws://"+a.Addr()+path, nil) //nolint:bodyclose // the library closes it
	if err == nil {
		t.Cleanup(func() { _ = conn.CloseNow() })
	} else if answer == nil || answer.StatusCode != http.StatusServiceUnavailable {
		t.Fatal(err)
	}
}

// TestStalledProducersDoNotStopConsumers has a broker answer no produce request, while clients send more
// than the budget. Their messages are held within it, and answered in the end.
func TestStalledProducersDoNotStopConsumers(t *testing.T) {
	broker := newBroker(t)
	fill(t, broker, 50)
	a := start(t, app.Options{Config: configure(t, broker.ListenAddrs()[0], fmt.Sprintf("WSPROXY_MEMORY_BUDGET=%d", testBudget))})
	awaitReadiness(t, a, http.StatusOK)
	const producers, each = 10, 10
	var conns []*websocket.Conn
	for i := range producers { // before the consumer, whose first records may fill the budget
		conns = append(conns, dial(t, a, fmt.Sprintf("/socket/in?clientId=p%d&topic=t", i)))
	}
	consumer := dial(t, a, "/socket/out?clientId=c&topic=t")
	consumer.SetReadLimit(-1)
	release := make(chan struct{})
	broker.ControlKey(int16(kmsg.Produce), func(kmsg.Request) (kmsg.Response, error, bool) {
		broker.KeepControl()
		broker.SleepControl(func() { <-release })
		return nil, nil, false
	})
	for _, conn := range conns {
		go send(t.Context(), conn, each)
	}
	awaitHeld(t, a, "producing", func(bytes float64) bool { return bytes > testBudget/2 })
	for range 50 {
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		if _, _, err := consumer.Read(ctx); err != nil {
			t.Fatal(err)
		}
		cancel()
	}
	if bytes := held(t, a, "producing"); bytes > testBudget-2*testFloor {
		t.Errorf("%.0f bytes are held", bytes)
	}
	close(release)
	for _, conn := range conns {
		wantAcks(t, conn, each)
	}
	awaitHeld(t, a, "producing", func(bytes float64) bool { return bytes == 0 })
}
