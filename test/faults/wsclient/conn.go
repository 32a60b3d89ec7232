package wsclient

import (
	"bufio"
	"crypto/rand"
	"crypto/sha1"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
)

const handshakeGUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

// Conn is an open WebSocket. One goroutine may read while others write.
type Conn struct {
	// Net is the connection below, for deadlines and for ending it in whatever way.
	Net net.Conn

	r *bufio.Reader

	// writing holds one token while somebody writes. It is not a mutex: who waits for one does not let
	// virtual time pass, and the writer may wait for just that.
	writing chan struct{}
}

// Refused is a handshake that the server answered otherwise.
type Refused struct {
	Status int
	Body   string
}

// Error implements error.
func (r *Refused) Error() string {
	return fmt.Sprintf("the handshake was refused: %d %s", r.Status, r.Body)
}

// Open asks for a WebSocket at target, a path with its query, with further headers, each "Name: value". The caller sets
// deadlines, and closes conn where Open fails.
func Open(conn net.Conn, target string, headers ...string) (*Conn, error) {
	key := make([]byte, 16)
	if _, err := rand.Read(key); err != nil {
		return nil, fmt.Errorf("making a key: %w", err)
	}
	encoded := base64.StdEncoding.EncodeToString(key)
	_, err := fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: proxy\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: %s\r\n%s\r\n", target, encoded, lines(headers))
	if err != nil {
		return nil, fmt.Errorf("sending the handshake: %w", err)
	}
	r := bufio.NewReader(conn)
	response, err := http.ReadResponse(r, nil)
	if err != nil {
		return nil, fmt.Errorf("reading the handshake's answer: %w", err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusSwitchingProtocols {
		body, _ := io.ReadAll(response.Body)
		return nil, &Refused{response.StatusCode, string(body)}
	}
	sum := sha1.Sum([]byte(encoded + handshakeGUID))
	if got := response.Header.Get("Sec-WebSocket-Accept"); got != base64.StdEncoding.EncodeToString(sum[:]) {
		return nil, fmt.Errorf("%w: Sec-WebSocket-Accept is %q", errServerFrame, got)
	}
	return &Conn{Net: conn, r: r, writing: make(chan struct{}, 1)}, nil
}

func lines(headers []string) string {
	var b strings.Builder
	for _, header := range headers {
		b.WriteString(header + "\r\n")
	}
	return b.String()
}

// ReadFrame returns the next frame.
func (c *Conn) ReadFrame() (Frame, error) { return readFrame(c.r) }

// Send sends a message in one frame.
func (c *Conn) Send(op Opcode, payload []byte) error {
	return c.write(AppendFrame(nil, op, true, newMask(), payload))
}

// SendFragments sends a text message in n frames of about the same size.
func (c *Conn) SendFragments(payload []byte, n int) error {
	return c.write(appendFragments(nil, payload, n))
}

func appendFragments(dst, payload []byte, n int) []byte {
	for i := range n {
		op := Continuation
		if i == 0 {
			op = Text
		}
		from, to := len(payload)*i/n, len(payload)*(i+1)/n
		dst = AppendFrame(dst, op, i == n-1, newMask(), payload[from:to])
	}
	return dst
}

// SendClose sends a close frame.
func (c *Conn) SendClose(code uint16) error {
	return c.Send(Close, binary.BigEndian.AppendUint16(nil, code))
}

func (c *Conn) write(b []byte) error {
	c.writing <- struct{}{}
	defer func() { <-c.writing }()
	if _, err := c.Net.Write(b); err != nil {
		return fmt.Errorf("writing to the socket: %w", err)
	}
	return nil
}

func newMask() (mask [maskSize]byte) {
	_, _ = rand.Read(mask[:]) // never fails
	return mask
}

// CloseCode returns the code of a close frame's payload, 1005 where there is none.
func CloseCode(payload []byte) uint16 {
	if len(payload) < 2 {
		return 1005
	}
	return binary.BigEndian.Uint16(payload)
}
