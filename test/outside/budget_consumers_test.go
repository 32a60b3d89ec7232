package outside

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/test/kafka"
)

const (
	slowPartitions = 4
	slowValue      = 4 << 10
	slowEvery      = 100 * time.Millisecond
	slowBytes      = 1000 // each time: 10 kB a second
)

// TestLongSlowConsumersStayWithinTheMemory makes many clients, each in a group of its own, read a fast
// stream slowly. All make progress, and the proxy stays within the memory of a pod.
func TestLongSlowConsumersStayWithinTheMemory(t *testing.T) {
	t.Parallel()
	size := scaled()
	broker := kafka.RequireOwn(t, kafka.Options{HeapMiB: 1024, Properties: map[string]string{"group.initial.rebalance.delay.ms": "0"}})
	k := connect(t, broker.Addr())
	topic := k.topic(slowPartitions)
	p := serve(t, k.addr, "WSPROXY_PING_INTERVAL=1h", fmt.Sprintf("GOMEMLIMIT=%dMiB", size.slowMemory*9/10>>20))
	before := p.memory(t)

	over := make(chan struct{})
	clients := make([]*slowClient, size.slow)
	for i := range clients {
		clients[i] = newSlowClient(t, p, i, topic)
		go clients[i].run(over)
	}
	defer func() {
		close(over)
		for _, c := range clients {
			<-c.done
		}
	}()
	await(t, "every client to be connected", func() bool {
		return p.metric(t, `wsproxy_connections{direction="out",payload="json"}`) == float64(size.slow)
	})
	k.fill(topic, slowPartitions, size.backlog/slowValue, slowValue)
	awaitWithin(t, size.slowTime, "every client to have read much", func() bool {
		if peak := p.memory(t).peak; peak >= size.slowMemory {
			t.Fatalf("resident memory was %s of %s", mebibytes(peak), mebibytes(size.slowMemory))
		}
		return slowest(clients) >= size.slowRead
	})
	t.Logf("%d clients of a topic of %s, the slowest has read %d bytes; resident memory: %s before, at most %s; held: consuming %.0f, writing %.0f",
		len(clients), mebibytes(size.backlog), slowest(clients), mebibytes(before.now), mebibytes(p.memory(t).peak), p.held(t, "consuming"), p.held(t, "writing"))
}

func slowest(clients []*slowClient) int64 {
	least := clients[0].bytes.Load()
	for _, c := range clients {
		least = min(least, c.bytes.Load())
	}
	return least
}

// slowClient reads a few bytes at a time, and connects again if it is refused.
type slowClient struct {
	request *http.Request
	bytes   atomic.Int64
	done    chan struct{}
}

func newSlowClient(t testing.TB, p *proxy, number int, topic string) *slowClient {
	t.Helper()
	url := fmt.Sprintf("http://%s/socket/out?clientId=slow%d&topic=%s", p.main, number, topic)
	request, err := http.NewRequest(http.MethodGet, url, nil)
	must(t, err)
	for name, value := range map[string]string{
		"Connection": "Upgrade", "Upgrade": "websocket",
		"Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
	} {
		request.Header.Set(name, value)
	}
	return &slowClient{request: request, done: make(chan struct{})}
}

// run reads until the test is over.
func (c *slowClient) run(over <-chan struct{}) {
	defer close(c.done)
	tick := time.NewTicker(slowEvery)
	defer tick.Stop()
	for {
		conn, err := net.Dial("tcp", c.request.URL.Host)
		if err == nil {
			if tcp, ok := conn.(*net.TCPConn); ok {
				_ = tcp.SetReadBuffer(slowBytes)
			}
			err = c.read(conn, tick.C, over)
			_ = conn.Close()
		}
		if err == nil {
			return
		}
		select {
		case <-tick.C:
		case <-over:
			return
		}
	}
}

var errRefused = errors.New("the handshake was refused")

func (c *slowClient) read(conn net.Conn, tick <-chan time.Time, over <-chan struct{}) error {
	if err := c.request.Write(conn); err != nil {
		return err
	}
	buffer := make([]byte, slowBytes)
	for first := true; ; {
		select {
		case <-tick:
		case <-over:
			return nil
		}
		_ = conn.SetReadDeadline(time.Now().Add(slowEvery))
		n, err := conn.Read(buffer)
		if first && n > 0 && !strings.HasPrefix(string(buffer[:n]), "HTTP/1.1 101") {
			return errRefused
		}
		c.bytes.Add(int64(n))
		if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
			return err
		}
		first = first && n == 0
	}
}
