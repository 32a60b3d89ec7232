//go:build linux

package overload

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/test/faults/wsclient"
)

// client writes messages of one size at a steady rate, as long as the proxy reads them.
type client struct {
	name  string
	size  int           // of a value, in bytes
	every time.Duration // between two messages
	ws    *wsclient.Conn

	sent int

	mu     sync.Mutex           // guards what follows
	at     map[string]place     // of answers with an offset
	failed map[string]int       // other answers, by code
	since  map[string]time.Time // messages without an answer
	waits  []time.Duration      // for answers with an offset
}

// place is where Kafka has a message, by its answer.
type place struct {
	partition int32
	offset    int64
}

// dial connects a client to the proxy.
func dial(proxy, topic, name string, size int, every time.Duration) (*client, error) {
	conn, err := net.DialTimeout("tcp", proxy, patience)
	if err != nil {
		return nil, fmt.Errorf("connecting %s: %w", name, err)
	}
	query := url.Values{"clientId": {name}, "topic": {topic}}
	ws, err := wsclient.Open(conn, "/socket/in?"+query.Encode())
	if err != nil {
		_ = conn.Close()
		return nil, fmt.Errorf("opening the socket of %s: %w", name, err)
	}
	return &client{name: name, size: size, every: every, ws: ws, at: make(map[string]place), failed: make(map[string]int), since: make(map[string]time.Time)}, nil
}

// send sends until ctx ends. While the proxy does not read, it waits; what it has not sent by then it does not send later.
func (c *client) send(ctx context.Context) error {
	tick := time.NewTicker(c.every)
	defer tick.Stop()
	stop := context.AfterFunc(ctx, func() { _ = c.ws.Net.SetWriteDeadline(time.Unix(1, 0)) })
	defer stop()
	filling := strings.Repeat("x", c.size)
	for ctx.Err() == nil {
		id := fmt.Sprintf("%s.%d", c.name, c.sent)
		c.mu.Lock()
		c.since[id] = time.Now()
		c.mu.Unlock()
		text := fmt.Appendf(nil, `{"value":{"value":"%s|%s"},"messageId":"%s"}`, id, filling, id)
		if err := c.ws.Send(wsclient.Text, text); ctx.Err() != nil {
			return nil
		} else if err != nil {
			return fmt.Errorf("%s: sending: %w", c.name, err)
		}
		c.sent++
		select {
		case <-tick.C:
		case <-ctx.Done():
		}
	}
	return nil
}

// read takes answers until the connection ends.
func (c *client) read() {
	for {
		f, err := c.ws.ReadFrame()
		if err != nil {
			return
		}
		switch f.Opcode {
		case wsclient.Text:
			c.take(f.Payload)
		case wsclient.Ping:
			_ = c.ws.Send(wsclient.Pong, f.Payload)
		case wsclient.Close:
			return
		default:
		}
	}
}

func (c *client) take(text []byte) {
	var a struct {
		MessageID string
		Partition int32
		Offset    int64
		Error     *struct{ Code string }
	}
	err := json.Unmarshal(text, &a)
	c.mu.Lock()
	defer c.mu.Unlock()
	sent := c.since[a.MessageID]
	delete(c.since, a.MessageID)
	switch {
	case err != nil:
		c.failed["no JSON"]++
	case a.Error != nil:
		c.failed[a.Error.Code]++
	default:
		c.waits = append(c.waits, time.Since(sent))
		c.at[a.MessageID] = place{a.Partition, a.Offset}
	}
}

// longest is how long a message has waited at most: for an answer with an offset, or until now.
func (c *client) longest() (longest time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, wait := range c.waits {
		longest = max(longest, wait)
	}
	for _, since := range c.since {
		longest = max(longest, time.Since(since))
	}
	return longest
}

// places are where Kafka has the messages that it was said to have.
func (c *client) places() map[string]place {
	c.mu.Lock()
	defer c.mu.Unlock()
	return maps.Clone(c.at)
}
