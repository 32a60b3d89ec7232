package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"

	"github.com/wsproxy/kafka-websocket-proxy/test/bench/frame"
)

// link is a WebSocket of the load client.
type link struct {
	conn    net.Conn
	in      *bufio.Reader
	op      byte // of the messages that are expected
	release func() bool
}

func newLink(ctx context.Context, conn net.Conn, buffer int, op byte) *link {
	l := &link{conn: conn, in: bufio.NewReaderSize(conn, buffer), op: op}
	l.release = context.AfterFunc(ctx, func() { conn.Close() })
	return l
}

// next returns the next message, valid until the next call. Pings are answered: what was
// delivered is committed only then.
func (l *link) next() ([]byte, error) {
	for {
		op, payload, err := frame.Read(l.in)
		if err != nil {
			return nil, fmt.Errorf("reading from the proxy: %w", err)
		}
		switch op {
		case l.op:
			return payload, nil
		case frame.Ping:
			if _, err := l.conn.Write(frame.Append(nil, frame.Pong, payload)); err != nil {
				return nil, fmt.Errorf("answering a ping: %w", err)
			}
		case frame.Close:
			return nil, frame.Closed(payload)
		default:
			return nil, fmt.Errorf("the proxy sent a frame of opcode %d: %s", op, payload)
		}
	}
}

// expect reads a message, which is to begin with head.
func (l *link) expect(head string) error {
	message, err := l.next()
	if err != nil {
		return err
	}
	return wants(message, head)
}

// close ends the link in order, so that the proxy is idle afterwards.
func (l *link) close() error {
	defer l.cut()
	if err := l.sayClose(); err != nil {
		return err
	}
	for {
		if _, err := l.next(); errors.Is(err, frame.ErrClosed) {
			return nil
		} else if err != nil {
			return err
		}
	}
}

// sayClose has the proxy close the link, which next returns.
func (l *link) sayClose() error {
	if _, err := l.conn.Write(frame.Append(nil, frame.Close, binary.BigEndian.AppendUint16(nil, 1000))); err != nil {
		return fmt.Errorf("closing: %w", err)
	}
	return nil
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
