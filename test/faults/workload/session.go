package workload

import (
	"context"
	"fmt"
	"net/url"
	"strconv"
	"sync"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/test/faults/history"
	"github.com/wsproxy/kafka-websocket-proxy/test/faults/wsclient"
)

// handshakeTimeout bounds connecting.
const handshakeTimeout = 15 * time.Second

// Client is the common part of producers and consumers.
type Client struct {
	Recorder *history.Recorder
	Dial     func() (Wire, error)
	ClientID string
	Topic    string
	// Beside means that the topic is not the one that the suite is about: the history names it.
	Beside bool
}

// named is the topic's name in the history.
func (c *Client) named() string {
	if c.Beside {
		return c.Topic
	}
	return ""
}

// session is one connection of a client.
type session struct {
	recorder   *history.Recorder
	conn       int // in the history
	wire       Wire
	ws         *wsclient.Conn
	life       context.Context // ends with the reader
	kill       context.CancelFunc
	readerDone chan struct{}
	stopped    context.Context // ends when the client stops reading
	stop       context.CancelFunc
	late       sync.WaitGroup // delayed pongs
}

// open connects, and records opened with when it began. The context limits only the session's lifetime.
func (c *Client) open(ctx context.Context, path string, opened history.Event, parameters url.Values) (*session, error) {
	began := time.Now()
	wire, err := c.Dial()
	if err != nil {
		return nil, err
	}
	_ = wire.SetDeadline(time.Now().Add(handshakeTimeout))
	abort := context.AfterFunc(ctx, func() { _ = wire.Close() })
	defer abort()
	parameters.Set("clientId", c.ClientID)
	parameters.Set("topic", c.Topic)
	var headers []string
	if i, ok := wire.(Identified); ok {
		headers = i.Headers()
	}
	ws, err := wsclient.Open(wire, path+"?"+parameters.Encode(), headers...)
	if err != nil {
		_ = wire.Close()
		return nil, fmt.Errorf("opening %s: %w", path, err)
	}
	_ = wire.SetDeadline(time.Time{})
	opened.Began = began
	s := &session{recorder: c.Recorder, conn: c.Recorder.OpenAs(opened), wire: wire, ws: ws, readerDone: make(chan struct{})}
	s.life, s.kill = context.WithCancel(ctx)
	s.stopped, s.stop = context.WithCancel(ctx)
	return s, nil
}

// read reads until the connection has ended or the client stops reading. It passes messages to take, and
// calls pace before it reads the next one. pongs defines how pings are answered.
func (s *session) read(take func([]byte), pace func(), pongs Pongs) {
	defer close(s.readerDone)
	defer s.late.Wait()
	defer s.kill()
	code := ""
	defer func() { s.recorder.Add(history.Event{Kind: history.Close, Conn: s.conn, Code: code}) }()
	for s.stopped.Err() == nil {
		f, err := s.ws.ReadFrame()
		if err != nil {
			return
		}
		switch f.Opcode {
		case wsclient.Text:
			take(f.Payload)
			pace()
		case wsclient.Ping:
			s.pong(f.Payload, pongs)
		case wsclient.Close:
			code = strconv.Itoa(int(wsclient.CloseCode(f.Payload)))
			_ = s.wire.SetWriteDeadline(time.Now().Add(time.Second))
			_ = s.ws.Send(wsclient.Close, f.Payload)
			return
		default:
		}
	}
}

// stopReading leaves further bytes in the socket.
func (s *session) stopReading() {
	s.stop()
	_ = s.wire.SetReadDeadline(time.Unix(1, 0))
}

// Pongs defines how a client answers pings.
type Pongs struct {
	Never bool
	After time.Duration // zero means at once
}

func (s *session) pong(payload []byte, how Pongs) {
	if how.Never {
		return
	}
	if how.After == 0 {
		_ = s.ws.Send(wsclient.Pong, payload)
		return
	}
	s.late.Go(func() {
		if Pause(s.life, how.After) {
			_ = s.ws.Send(wsclient.Pong, payload)
		}
	})
}
