package e2e

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/wsproxy/kafka-websocket-proxy/test/stopwatch"
)

// client is a WebSocket client of the proxy. It answers pings while it reads.
type client struct {
	t          *testing.T
	conn       *websocket.Conn
	transcript *transcript
	writing    sync.Mutex // keeps the order of the transcript
}

// in opens /socket/in; parameters are name=value.
func (p *proxy) in(t *testing.T, topic string, parameters ...string) *client {
	t.Helper()
	return p.dial(t, target("/socket/in", topic, parameters))
}

// out opens /socket/out.
func (p *proxy) out(t *testing.T, topic string, parameters ...string) *client {
	t.Helper()
	return p.dial(t, target("/socket/out", topic, parameters))
}

// dial opens a socket without headers of its own.
func (p *proxy) dial(t *testing.T, path string) *client {
	t.Helper()
	return p.dialWith(t, nil, path)
}

// dialWith opens a socket with headers.
func (p *proxy) dialWith(t *testing.T, header http.Header, path string, offers ...string) *client {
	t.Helper()
	return dialURL(t, "ws://"+p.addr, path, &websocket.DialOptions{HTTPClient: httpClient(), HTTPHeader: header, Subprotocols: offers})
}

// dialURL opens a socket. While the slots of a group are taken it tries again, as clients do: a connection that has
// just ended may not have left its group yet. It also tries again if the machine is so busy that the proxy cannot
// reach Kafka in time.
func dialURL(t *testing.T, proxy, path string, options *websocket.DialOptions) *client {
	t.Helper()
	var conn *websocket.Conn
	watch := stopwatch.Start(t)
	defer watch.Stop()
	eventually(t, "opening "+path, func() bool {
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		var res *http.Response
		var err error
		conn, res, err = websocket.Dial(ctx, proxy+path, options)
		if res != nil && res.Body != nil {
			defer res.Body.Close()
		}
		if err != nil && (res == nil || res.StatusCode != http.StatusTooManyRequests && !isTooBusy(watch, res.StatusCode)) {
			t.Fatalf("opening %s: %v", path, err)
		}
		return err == nil
	})
	conn.SetReadLimit(-1)
	t.Cleanup(func() { _ = conn.CloseNow() })
	return &client{t: t, conn: conn, transcript: newTranscript(t, path)}
}

// isTooBusy tells whether a handshake was refused because this process, with the proxy in it, could not
// run for most of the time after which the proxy reports that Kafka does not answer.
func isTooBusy(watch *stopwatch.Watch, status int) bool {
	return status == http.StatusServiceUnavailable && watch.Stalled() > soon/2
}

// send sends text messages.
func (c *client) send(messages ...string) {
	c.t.Helper()
	for _, message := range messages {
		if err := c.write(websocket.MessageText, message); err != nil {
			c.t.Fatalf("sending %.100s: %v", message, err)
		}
	}
}

// write sends one message, from any goroutine.
func (c *client) write(kind websocket.MessageType, message string) error {
	ctx, cancel := context.WithTimeout(c.t.Context(), patience)
	defer cancel()
	c.writing.Lock()
	defer c.writing.Unlock()
	c.transcript.sent(message)
	return c.conn.Write(ctx, kind, []byte(message))
}

// sendEvery sends a message repeatedly, until the connection ends or over is closed.
func (c *client) sendEvery(over <-chan struct{}, interval time.Duration, message string) {
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for c.write(websocket.MessageText, message) == nil {
		select {
		case <-ticker.C:
		case <-over:
			return
		}
	}
}

// next returns the next message, or how the connection ended.
func (c *client) next() (string, error) { return c.nextWithin(patience) }

func (c *client) nextWithin(limit time.Duration) (string, error) {
	ctx, cancel := context.WithTimeout(c.t.Context(), limit)
	defer cancel()
	kind, message, err := c.conn.Read(ctx)
	if err == nil {
		c.transcript.received(kind, message)
	}
	return string(message), err
}

// read returns the next message.
func (c *client) read() string {
	c.t.Helper()
	message, err := c.next()
	if err != nil {
		c.t.Fatalf("reading: %v", err)
	}
	return message
}

// answer is a frame of /socket/in: a result or an error.
type answer struct {
	Topic     string
	Partition int32
	Offset    int64
	Timestamp int64
	MessageID *string
	Error     *failure
}

// delivery is a frame of /socket/out: a record or an error.
type delivery struct {
	ID        string `json:"wsProxyMessageId"`
	Topic     string
	Partition int32
	Offset    int64
	Timestamp int64
	Headers   []struct {
		Key   string
		Value json.RawMessage
	}
	Key, Value *field
	Error      *failure
}

// field is a key or a value.
type field struct {
	Value  json.RawMessage
	Format string
	Error  *failure
}

func parse[T any](t *testing.T, frame string) T {
	t.Helper()
	var v T
	if err := json.Unmarshal([]byte(frame), &v); err != nil {
		t.Fatalf("the frame %.200s: %v", frame, err)
	}
	return v
}

// answer reads the next frame of /socket/in.
func (c *client) answer() answer {
	c.t.Helper()
	return parse[answer](c.t, c.read())
}

// ack reads a result.
func (c *client) ack() answer {
	c.t.Helper()
	frame := c.read()
	a := parse[answer](c.t, frame)
	if a.Error != nil {
		c.t.Fatalf("got %s, want a result", frame)
	}
	return a
}

// refusal reads an error frame and checks its code.
func (c *client) refusal(code string) failure {
	c.t.Helper()
	frame := c.read()
	a := parse[answer](c.t, frame)
	if a.Error == nil || a.Error.Code != code {
		c.t.Fatalf("got %s, want an error %s", frame, code)
	}
	if a.Error.Message == "" {
		c.t.Errorf("%s has no message", frame)
	}
	return *a.Error
}

// delivery reads a record.
func (c *client) delivery() delivery {
	c.t.Helper()
	frame := c.read()
	d := parse[delivery](c.t, frame)
	if d.Error != nil || d.Value == nil {
		c.t.Fatalf("got %s, want a record", frame)
	}
	return d
}

// deliveries reads records.
func (c *client) deliveries(count int) []delivery {
	c.t.Helper()
	all := make([]delivery, count)
	for i := range all {
		all[i] = c.delivery()
	}
	return all
}

// ended reads on until the connection is closed, and checks the close code. It returns the
// messages that came before.
func (c *client) ended(code websocket.StatusCode) []string {
	c.t.Helper()
	var before []string
	for {
		message, err := c.next()
		if err == nil {
			before = append(before, message)
			continue
		}
		if got := websocket.CloseStatus(err); got != code {
			c.t.Fatalf("closed with %d (%v), want %d", got, err, code)
		}
		return before
	}
}

// close closes the connection from the client's side and waits for the proxy's answer.
func (c *client) close() {
	c.t.Helper()
	var ended websocket.CloseError
	if err := c.conn.Close(websocket.StatusNormalClosure, ""); err != nil && !errors.As(err, &ended) {
		c.t.Errorf("closing: %v", err)
	}
}

// quoted returns text as a JSON string.
func quoted(text string) string {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(text); err != nil {
		panic(err) // a string can be encoded
	}
	return strings.TrimSpace(b.String())
}
