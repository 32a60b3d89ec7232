package e2e

import (
	"bufio"
	"compress/flate"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/wsproxy/kafka-websocket-proxy/test/stopwatch"
)

// The opcodes of RFC 6455, section 5.2.
const (
	opContinuation = 0x0
	opText         = 0x1
	opBinary       = 0x2
	opClose        = 0x8
	opPing         = 0x9
	opPong         = 0xA
	final          = 0x80
	masked         = 0x80
	compressed     = 0x40 // RFC 7692, section 6
)

// raw is a WebSocket client that does nothing by itself: it answers no ping, and what a test does not
// read stays in the socket.
type raw struct {
	t          *testing.T
	conn       *net.TCPConn
	r          *bufio.Reader
	transcript *transcript

	// Of the last frame.
	compressed bool
	length     int    // of its payload, as it came
	window     []byte // what came compressed, also before
}

// raw opens a socket with small buffers on the client's side. Headers are NAME: value.
func (p *proxy) raw(t *testing.T, target string, headers ...string) *raw {
	t.Helper()
	watch := stopwatch.Start(t)
	defer watch.Stop()
	for {
		c, got := p.rawOnce(t, target, headers...)
		if got.status == http.StatusSwitchingProtocols {
			return c
		}
		if !isTooBusy(watch, got.status) {
			t.Fatalf("opening %s: %d %s", target, got.status, got.body)
		}
	}
}

// rawOnce returns a connection and how its handshake was answered.
func (p *proxy) rawOnce(t *testing.T, target string, headers ...string) (*raw, response) {
	t.Helper()
	dialer := net.Dialer{Timeout: patience}
	conn, err := dialer.DialContext(t.Context(), "tcp", p.addr)
	if err != nil {
		t.Fatal(err)
	}
	tcp, ok := conn.(*net.TCPConn)
	if !ok {
		t.Fatalf("a %T", conn)
	}
	t.Cleanup(func() { _ = tcp.Close() })
	_ = tcp.SetReadBuffer(32 << 10)
	_ = tcp.SetWriteBuffer(32 << 10)
	c := &raw{t: t, conn: tcp, r: bufio.NewReader(tcp), transcript: newTranscript(t, target)}
	got := c.handshake(p.addr, target, headers)
	return c, got
}

func (c *raw) handshake(host, target string, headers []string) response {
	c.t.Helper()
	c.deadline()
	_, err := fmt.Fprintf(c.conn, "GET %s HTTP/1.1\r\nHost: %s\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n%s\r\n", target, host, strings.Join(append(headers, ""), "\r\n"))
	if err != nil {
		c.t.Fatal(err)
	}
	res, err := http.ReadResponse(c.r, nil)
	if err != nil {
		c.t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode == http.StatusSwitchingProtocols {
		return response{status: res.StatusCode}
	}
	body, _ := io.ReadAll(res.Body)
	return response{status: res.StatusCode, body: string(body)}
}

func (c *raw) deadline() { _ = c.conn.SetDeadline(time.Now().Add(patience)) }

// frame makes a masked frame. The mask is all zeros, which leaves the payload as it is.
func frame(first byte, payload []byte) []byte {
	b := []byte{first}
	switch n := len(payload); {
	case n < 126:
		b = append(b, masked|byte(n))
	case n < 1<<16:
		b = binary.BigEndian.AppendUint16(append(b, masked|126), uint16(n))
	default:
		b = binary.BigEndian.AppendUint64(append(b, masked|127), uint64(n))
	}
	return append(append(b, 0, 0, 0, 0), payload...)
}

// send sends a whole message or control frame.
func (c *raw) send(op byte, payload string) {
	c.t.Helper()
	c.sendBytes(frame(final|op, []byte(payload)))
}

// sendBytes sends bytes as they are.
func (c *raw) sendBytes(b []byte) {
	c.t.Helper()
	c.deadline()
	if _, err := c.conn.Write(b); err != nil {
		c.t.Fatalf("sending: %v", err)
	}
}

// next returns the next frame, inflated where it is compressed; the error is that of the connection.
func (c *raw) next() (op byte, payload []byte, err error) {
	c.deadline()
	var head [2]byte
	if _, err := io.ReadFull(c.r, head[:]); err != nil {
		return 0, nil, err
	}
	size := uint64(head[1])
	switch head[1] {
	case 126:
		var long [2]byte
		_, err = io.ReadFull(c.r, long[:])
		size = uint64(binary.BigEndian.Uint16(long[:]))
	case 127:
		var long [8]byte
		_, err = io.ReadFull(c.r, long[:])
		size = binary.BigEndian.Uint64(long[:])
	}
	if err != nil {
		return 0, nil, err
	}
	payload = make([]byte, size)
	if _, err = io.ReadFull(c.r, payload); err != nil {
		return 0, nil, err
	}
	c.compressed, c.length = head[0]&compressed != 0, len(payload)
	if c.compressed {
		payload = c.inflate(payload)
	}
	if head[0]&^compressed == final|opText {
		c.transcript.received(websocket.MessageText, payload)
	}
	return head[0] & 0x0F, payload, nil
}

// inflate inflates a message, which may repeat those before it that came compressed.
func (c *raw) inflate(payload []byte) []byte {
	c.t.Helper()
	const ending = "\x00\x00\xff\xff\x01\x00\x00\xff\xff" // of the message, which its sender leaves out, and of the stream
	message, err := io.ReadAll(flate.NewReaderDict(strings.NewReader(string(payload)+ending), c.window))
	if err != nil {
		c.t.Fatalf("a message cannot be inflated: %v", err)
	}
	c.window = append(c.window, message...)
	c.window = c.window[max(0, len(c.window)-32<<10):]
	return message
}

// read returns the next frame.
func (c *raw) read() (op byte, payload string) {
	c.t.Helper()
	op, b, err := c.next()
	if err != nil {
		c.t.Fatalf("reading: %v", err)
	}
	return op, string(b)
}

// until reads on to the next frame of a kind.
func (c *raw) until(wanted byte) string {
	c.t.Helper()
	for {
		if op, payload := c.read(); op == wanted {
			return payload
		}
	}
}

// message reads the next message, answering pings before it.
func (c *raw) message() string {
	c.t.Helper()
	for {
		op, payload := c.read()
		switch op {
		case opText:
			return payload
		case opPing:
			c.send(opPong, payload)
		default:
			c.t.Fatalf("got a frame of opcode %d: %q", op, payload)
		}
	}
}

// closeCode reads on to the close frame.
func (c *raw) closeCode() int {
	c.t.Helper()
	payload := c.until(opClose)
	if len(payload) < 2 {
		c.t.Fatalf("a close frame with the payload %q", payload)
	}
	return int(binary.BigEndian.Uint16([]byte(payload)))
}

// reset cuts the connection with a RST, as the crash of a machine's neighbour does.
func (c *raw) reset() {
	c.t.Helper()
	if err := c.conn.SetLinger(0); err != nil {
		c.t.Fatal(err)
	}
	_ = c.conn.Close()
}
