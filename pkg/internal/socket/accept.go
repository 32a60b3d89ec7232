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

// libraryBuffer holds the control frames that the library writes, which are never longer.
const libraryBuffer = 2 + maxControlPayload + 1

// Accept upgrades a request to a WebSocket connection. The caller has checked IsUpgrade and the
// request's Origin.
func Accept(w http.ResponseWriter, r *http.Request, s Settings, m *metrics.Metrics) (*Conn, error) {
	c := &Conn{
		settings: s, metrics: m, began: time.Now(),
		wake: make(chan struct{}, 1), room: make(chan struct{}, 1), done: make(chan struct{}),
	}
	c.open, c.shut = context.WithCancel(context.WithoutCancel(r.Context()))
	c.readSince.Store(notReading)
	lib, err := websocket.Accept(&hijack{ResponseWriter: w, conn: c}, r, &websocket.AcceptOptions{
		Subprotocols:       []string{Subprotocol},
		InsecureSkipVerify: true,
		OnPingReceived:     c.pingReceived,
		OnPongReceived:     c.pongReceived,
	})
	if err != nil {
		return nil, fmt.Errorf("accepting a WebSocket: %w", err)
	}
	lib.SetReadLimit(-1) // Read has its own limit, which ends the connection as others do
	c.lib = lib
	return c, nil
}

// hijack hands the library the connection's transport in place of the net.Conn.
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
	stream, top, err := streamOf(raw)
	if err == nil {
		err = raw.SetDeadline(time.Time{})
	}
	if err != nil {
		_ = raw.Close()
		return nil, nil, fmt.Errorf("taking over the connection: %w", err)
	}
	h.conn.stream, h.conn.raw = stream, top
	h.conn.buffered = rw.Reader
	stream.owner.Store(h.conn)
	t := &transport{Conn: h.conn.raw, ended: func() { h.conn.readOver = true }, library: h.conn.libraryWrote}
	return t, bufio.NewReadWriter(rw.Reader, bufio.NewWriterSize(t, libraryBuffer)), nil
}

// pingReceived leaves the pong to the writer: the library would close the connection if the
// socket were full for five seconds. Where the queue of pongs is full, the newest pong replaces
// those before it, as RFC 6455, section 5.5.3 allows.
func (c *Conn) pingReceived(_ context.Context, payload []byte) bool {
	c.mu.Lock()
	if len(c.pongs) > maxPongs {
		c.pongs = c.pongs[:0]
	}
	c.pongs = appendFrame(c.pongs, opPong, payload)
	c.mu.Unlock()
	c.Wake()
	return false
}

func (c *Conn) pongReceived(_ context.Context, payload []byte) {
	if c.onPong == nil {
		return
	}
	right := c.onPong(payload) || string(payload) == keepalivePing || string(payload) == signPing
	if c.pings.ponged(right) {
		c.End(strangePongs())
	}
}

// libraryWrote takes a frame that the library writes. It writes only close frames: the echo of
// the peer's close frame, and the answer to a frame that breaks the protocol.
func (c *Conn) libraryWrote(frame []byte) {
	c.mu.Lock()
	if !c.closeSent && c.echo == nil {
		c.echo = append([]byte(nil), frame...)
	}
	c.mu.Unlock()
	c.Wake()
}
