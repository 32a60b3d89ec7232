package socket

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/coder/websocket"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/metrics"
)

// Subprotocol is what the server selects where a client offers it.
const Subprotocol = "wsproxy.v1"

// Accept upgrades a request to a WebSocket connection. The caller has checked IsUpgrade and the
// request's Origin.
func Accept(w http.ResponseWriter, r *http.Request, s Settings, m *metrics.Metrics) (*Conn, error) {
	c := &Conn{
		settings: s, metrics: m, began: time.Now(),
		arrived: inbound{buffers: s.Buffers, budget: s.Budget},
		wake:    make(chan struct{}, 1), room: make(chan struct{}, 1), done: make(chan struct{}),
	}
	c.open, c.shut = context.WithCancel(context.Background()) // it outlasts the request
	c.readSince.Store(notReading)
	var agreed string
	if c.extension, agreed = s.Compression.negotiate(r.Header.Values("Sec-WebSocket-Extensions")); agreed != "" {
		w.Header().Set("Sec-WebSocket-Extensions", agreed) // the library leaves it, its own compression is off
	}
	lib, err := websocket.Accept(&hijack{ResponseWriter: w, conn: c}, r, &websocket.AcceptOptions{
		Subprotocols:       []string{Subprotocol},
		InsecureSkipVerify: true,
	})
	if err != nil {
		return nil, fmt.Errorf("accepting a WebSocket: %w", err)
	}
	_ = lib.CloseNow() // else it is never freed: it has a finalizer, and parts that refer to it
	return c, nil
}

// hijack takes over the connection after the library's handshake. The library itself gets none.
type hijack struct {
	http.ResponseWriter
	conn *Conn
}

// Hijack implements http.Hijacker.
func (h *hijack) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	raw, rw, err := http.NewResponseController(h.ResponseWriter).Hijack()
	if err != nil {
		return nil, nil, fmt.Errorf("taking over the connection: %w", err)
	}
	if err := h.conn.take(raw, rw.Reader); err != nil {
		_ = raw.Close()
		return nil, nil, fmt.Errorf("taking over the connection: %w", err)
	}
	return noConn{}, bufio.NewReadWriter(bufio.NewReader(nil), nil), nil
}

// take makes raw the connection's socket. Bytes that the HTTP server has read from it are the first to be read.
func (c *Conn) take(raw net.Conn, read *bufio.Reader) error {
	stream, top, err := streamOf(raw)
	if err != nil {
		return err
	}
	if err := raw.SetDeadline(time.Time{}); err != nil {
		return err //nolint:wrapcheck // Hijack wraps it
	}
	first, _ := read.Peek(read.Buffered())
	c.arrived.put(first)
	c.stream, c.raw = stream, top
	stream.own(c)
	return nil
}

// noConn is the connection that the library is left with. It only closes it.
type noConn struct{ net.Conn }

// Close implements net.Conn.
func (noConn) Close() error { return nil }
