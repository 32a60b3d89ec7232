package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"time"
)

const (
	// roundTimeout bounds a round: nothing takes that long unless it hangs.
	roundTimeout = 2 * time.Minute
	readBuffer   = 256 << 10
)

// link is a WebSocket of the load client.
type link struct {
	conn    net.Conn
	in      *bufio.Reader
	op      byte // of the messages that are expected
	release func() bool
}

// open connects to a path of the proxy, which is to send messages of opcode op. The end of ctx
// cuts the link.
func open(ctx context.Context, addr, path string, query url.Values, op byte) (*link, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("connecting to the proxy: %w", err)
	}
	l := &link{conn: conn, in: bufio.NewReaderSize(conn, readBuffer), op: op}
	l.release = context.AfterFunc(ctx, func() { conn.Close() })
	if err := l.handshake(ctx, addr, path, query); err != nil {
		l.cut()
		return nil, fmt.Errorf("opening %s: %w", path, err)
	}
	return l, nil
}

func (l *link) handshake(ctx context.Context, addr, path string, query url.Values) error {
	if err := l.conn.SetDeadline(time.Now().Add(roundTimeout)); err != nil {
		return err
	}
	target := url.URL{Scheme: "http", Host: addr, Path: path, RawQuery: query.Encode()}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, target.String(), nil)
	if err != nil {
		return err
	}
	request.Header.Set("Connection", "Upgrade")
	request.Header.Set("Upgrade", "websocket")
	request.Header.Set("Sec-WebSocket-Version", "13")
	request.Header.Set("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")
	if err := request.Write(l.conn); err != nil {
		return err
	}
	response, err := http.ReadResponse(l.in, request)
	if err != nil {
		return err
	}
	if response.StatusCode != http.StatusSwitchingProtocols {
		var body bytes.Buffer
		_, _ = body.ReadFrom(response.Body)
		response.Body.Close()
		return fmt.Errorf("%s: %s", response.Status, body.Bytes())
	}
	return nil
}

// next returns the next message, valid until the next call. Pings are answered: what was
// delivered is committed only then.
func (l *link) next() ([]byte, error) {
	for {
		op, payload, err := readFrame(l.in)
		if err != nil {
			return nil, fmt.Errorf("reading from the proxy: %w", err)
		}
		switch op {
		case l.op:
			return payload, nil
		case opPing:
			if _, err := l.conn.Write(appendFrame(nil, opPong, payload)); err != nil {
				return nil, fmt.Errorf("answering a ping: %w", err)
			}
		case opClose:
			return nil, closed(payload)
		default:
			return nil, fmt.Errorf("the proxy sent a frame of opcode %d: %s", op, payload)
		}
	}
}

// errClosed tells that the proxy has closed the link.
var errClosed = errors.New("the proxy closed the connection")

func closed(payload []byte) error {
	if len(payload) < 2 {
		return errClosed
	}
	return fmt.Errorf("%w with %d: %s", errClosed, binary.BigEndian.Uint16(payload), payload[2:])
}

// close ends the link in order, so that the proxy is idle afterwards.
func (l *link) close() error {
	defer l.cut()
	if _, err := l.conn.Write(appendFrame(nil, opClose, binary.BigEndian.AppendUint16(nil, 1000))); err != nil {
		return fmt.Errorf("closing: %w", err)
	}
	for {
		if _, err := l.next(); errors.Is(err, errClosed) {
			return nil
		} else if err != nil {
			return err
		}
	}
}

func (l *link) cut() {
	l.release()
	l.conn.Close()
}

// wants returns an error unless a message begins as head says, as an error frame does not.
func wants(message []byte, head string) error {
	if !bytes.HasPrefix(message, []byte(head)) {
		return fmt.Errorf("the proxy sent %s", message)
	}
	return nil
}
