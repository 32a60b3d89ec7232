package outside

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/wsproxy/kafka-websocket-proxy/test/kafka"
)

// pod is a pod as the chart makes it: a memory limit, and the settings that follow from it. The chart's own tests hold these
// numbers to its templates.
type pod struct {
	mebibytes                         int
	heap, budget, frames, snapshots   int // MiB
	consumers, producersAndLiveReader int // that MAX_CONNECTIONS allows, by memory.perConnection of 256Ki and 32Ki
}

func podSizes() []pod {
	return []pod{
		{256, 230, 76, 21, 38, 304, 2432},
		{512, 460, 153, 42, 76, 764, 6112},
		{1024, 921, 307, 64, 153, 1684, 13472},
	}
}

const (
	podRecords = 20
	podValue   = 1 << 10
)

// TestLongAPodCarriesItsConnections opens as many connections as a pod takes, of one kind each time. All get, or send, records at
// about the same time, and the proxy stays within the pod's memory. The smallest pod is the default, OUTSIDE_SCALE=full has all.
func TestLongAPodCarriesItsConnections(t *testing.T) {
	t.Parallel()
	broker := kafka.RequireOwn(t, kafka.Options{HeapMiB: 1024, Properties: map[string]string{"group.initial.rebalance.delay.ms": "0"}})
	k := connect(t, broker.Addr())
	for _, size := range podSizes()[:scaled().pods] {
		t.Run(fmt.Sprintf("%d MiB, out", size.mebibytes), func(t *testing.T) { size.carries(t, k, size.consumers, consumeAll) })
		t.Run(fmt.Sprintf("%d MiB, in", size.mebibytes), func(t *testing.T) { size.carries(t, k, size.producersAndLiveReader, sendAll) })
		t.Run(fmt.Sprintf("%d MiB, tail", size.mebibytes), func(t *testing.T) { size.carries(t, k, size.producersAndLiveReader, tailAll) })
	}
}

// socketWork is what one client does: it opens its connection, tells that it is open, waits for start and does the rest.
type socketWork func(ctx context.Context, p *proxy, topic string, number int, opened func(), start <-chan struct{}) error

func (size pod) carries(t *testing.T, k *cluster, connections int, work socketWork) {
	t.Helper()
	topic := k.topic(4)
	p := serve(t, k.addr, fmt.Sprintf("GOMEMLIMIT=%dMiB", size.heap), fmt.Sprintf("WSPROXY_MEMORY_BUDGET=%dMiB", size.budget),
		fmt.Sprintf("WSPROXY_TAIL_BUFFER_BYTES=%dMiB", size.frames), fmt.Sprintf("WSPROXY_TAIL_SNAPSHOT_BYTES=%dMiB", size.snapshots),
		fmt.Sprintf("WSPROXY_MAX_CONNECTIONS=%d", connections), "WSPROXY_PING_INTERVAL=1h", "WSPROXY_SESSION_STATE_TOPIC="+topic+"-sessions")
	ctx, cancel := context.WithTimeout(t.Context(), podTime)
	defer cancel()
	start := make(chan struct{})
	var opening, working sync.WaitGroup
	places := make(chan struct{}, 16) // that open at one time
	for i := range connections {
		places <- struct{}{}
		opening.Add(1)
		working.Go(func() {
			opened := sync.OnceFunc(func() { <-places; opening.Done() })
			defer opened()
			if err := work(ctx, p, topic, i, opened, start); err != nil {
				t.Errorf("connection %d: %v", i, err)
			}
		})
	}
	opening.Wait()
	idle := p.memory(t)
	k.fill(topic, 4, podRecords, podValue)
	close(start)
	working.Wait()
	peak := p.memory(t).peak
	t.Logf("%d connections: resident memory %s when all were open, at most %s", connections, mebibytes(idle.now), mebibytes(peak))
	if peak >= size.mebibytes<<20 {
		t.Errorf("resident memory was %s of %d MiB", mebibytes(peak), size.mebibytes)
	}
}

// podTime is how long the connections of a pod may take to open and to do their work.
const podTime = 10 * time.Minute

func consumeAll(ctx context.Context, p *proxy, topic string, number int, opened func(), _ <-chan struct{}) error {
	return readRecords(ctx, p.url(fmt.Sprintf("/socket/out?clientId=c%d&topic=%s", number, topic)), opened)
}

func tailAll(ctx context.Context, p *proxy, topic string, _ int, opened func(), _ <-chan struct{}) error {
	return readRecords(ctx, p.url("/socket/tail?from=earliest&cursors=0&topic="+topic), opened)
}

// readRecords reads until all records have come.
func readRecords(ctx context.Context, url string, opened func()) error {
	conn, err := openPatiently(ctx, url)
	if err != nil {
		return err
	}
	defer func() { _ = conn.CloseNow() }()
	opened()
	for records := 0; records < podRecords; {
		_, frame, err := conn.Read(ctx)
		if err != nil {
			return fmt.Errorf("after %d records: %w", records, err)
		}
		if strings.Contains(string(frame[:min(len(frame), 40)]), "wsProxyMessageId") {
			records++
		}
	}
	return nil
}

// sendAll sends as many records as others read.
func sendAll(ctx context.Context, p *proxy, topic string, number int, opened func(), start <-chan struct{}) error {
	conn, err := openPatiently(ctx, p.url(fmt.Sprintf("/socket/in?clientId=c%d&topic=%s", number, topic)))
	if err != nil {
		return err
	}
	defer func() { _ = conn.CloseNow() }()
	opened()
	<-start
	message := []byte(`{"value":{"value":"` + strings.Repeat("x", podValue) + `"}}`)
	for range podRecords {
		if err := conn.Write(ctx, websocket.MessageText, message); err != nil {
			return fmt.Errorf("sending: %w", err)
		}
	}
	for n := range podRecords {
		if _, _, err := conn.Read(ctx); err != nil {
			return fmt.Errorf("after %d answers: %w", n, err)
		}
	}
	return nil
}

// openPatiently tries again while the proxy says that it is too busy, as clients do.
func openPatiently(ctx context.Context, url string) (*websocket.Conn, error) {
	for {
		conn, status, err := tryHandshake(ctx, url)
		if conn != nil || err != nil {
			return conn, err
		}
		select {
		case <-time.After(time.Second): // as Retry-After says
		case <-ctx.Done():
			return nil, fmt.Errorf("refused with %d until %w", status, ctx.Err())
		}
	}
}
