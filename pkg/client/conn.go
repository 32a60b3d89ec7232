package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coder/websocket"
)

const (
	// pingEvery is how long nothing may come before the client asks for a sign of life.
	pingEvery = 15 * time.Second
	// silence is how long nothing may come, although it has asked, before the connection counts as dead. The proxy answers a message within
	// its delivery timeout of 30 s.
	silence = 75 * time.Second
)

// conn is one connection. One goroutine reads it; any may write.
type conn struct {
	ws    *websocket.Conn
	began time.Time
	heard atomic.Int64 // when something came, in nanoseconds since began
	ctx   context.Context
	end   context.CancelCauseFunc
	alive sync.WaitGroup // keepAlive, renewTokens, and what ends ws with ctx

	renewal renewal

	message  []byte // the reader's: the last message
	isBinary bool   // the reader's: whether that is binary, as in Avro all are that are no errors and no events
	last     *Error // the reader's: the last error frame that concerns the connection
}

func newConn() *conn {
	c := &conn{began: time.Now(), renewal: renewal{answers: make(chan time.Time, 1)}}
	c.ctx, c.end = context.WithCancelCause(context.Background())
	c.alive.Add(1)
	return c
}

// opened begins to look after ws, which ends with c.ctx.
func (c *conn) opened(ws *websocket.Conn) {
	ws.SetReadLimit(-1) // what a record may measure is Kafka's business
	c.ws = ws
	c.alive.Add(1)
	context.AfterFunc(c.ctx, func() {
		defer c.alive.Done()
		_ = ws.CloseNow()
	})
	go c.keepAlive()
}

func (c *conn) pinged(context.Context, []byte) bool {
	c.hear()
	return true
}

func (c *conn) ponged(context.Context, []byte) { c.hear() }

func (c *conn) hear() { c.heard.Store(int64(time.Since(c.began))) }

// keepAlive ends a connection whose other side is gone without a word.
func (c *conn) keepAlive() {
	defer c.alive.Done()
	ticker := time.NewTicker(pingEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
		case <-c.ctx.Done():
			return
		}
		quiet := time.Since(c.began) - time.Duration(c.heard.Load())
		if quiet >= silence {
			c.end(errSilent)
			return
		}
		if quiet >= pingEvery {
			ctx, cancel := context.WithTimeout(c.ctx, pingEvery)
			_ = c.ws.Ping(ctx) // its answer is heard
			cancel()
		}
	}
}

// read returns the next message, which is valid until the next call.
func (c *conn) read() (message []byte, err error) {
	for {
		if message, err = c.readAny(); err != nil || !c.takeRenewal(message) {
			return message, err
		}
	}
}

// readAny is read, with the answers to renewals of the token. It reads without c.ctx, whose end closes ws: to watch a context twice for each
// message took a quarter of the time of reading small records.
func (c *conn) readAny() (message []byte, err error) {
	kind, r, err := c.ws.Reader(context.Background())
	if err != nil {
		return nil, c.why(err)
	}
	c.isBinary = kind == websocket.MessageBinary
	c.hear()
	c.message = c.message[:0]
	for {
		if len(c.message) == cap(c.message) {
			c.message = append(c.message, 0)[:len(c.message)]
		}
		n, err := r.Read(c.message[len(c.message):cap(c.message)])
		c.message = c.message[:len(c.message)+n]
		if errors.Is(err, io.EOF) {
			return c.message, nil
		}
		if err != nil {
			return nil, c.why(err)
		}
	}
}

// why returns the error that has ended the connection. A close frame says more than a write that has failed after it came.
func (c *conn) why(err error) error {
	if cause := context.Cause(c.ctx); cause != nil && websocket.CloseStatus(err) == -1 {
		return cause
	}
	return closeError(fmt.Errorf("reading from the proxy: %w", err), c.last)
}

// write writes a text message.
func (c *conn) write(message []byte) error { return c.writeAs(websocket.MessageText, message) }

func (c *conn) writeAs(kind websocket.MessageType, message []byte) error {
	if err := c.ws.Write(c.ctx, kind, message); err != nil {
		return &writeError{err}
	}
	return nil
}

// writeError is the error for a write that has failed: the reader knows better why the connection has ended.
type writeError struct{ err error }

func (e *writeError) Error() string { return "writing to the proxy: " + e.err.Error() }

func (e *writeError) Unwrap() error { return e.err }

// close ends the connection with a close frame, so that the proxy commits and releases at once. Another goroutine must read until it
// fails.
func (c *conn) close() {
	_ = c.ws.Close(websocket.StatusNormalClosure, "")
	c.cut()
}

// cut ends the connection at once.
func (c *conn) cut() {
	c.end(errCut)
	_ = c.ws.CloseNow()
	c.alive.Wait()
}

// errCut is why a connection has ended that the client itself has cut.
var errCut = errors.New("the client has ended the connection")
