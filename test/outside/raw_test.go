package outside

import (
	"bufio"
	"encoding/binary"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// rawClient implements RFC 6455 itself over a TCP connection, so that it controls when bytes are read,
// which libraries do not allow.
type rawClient struct {
	tcp     net.Conn
	in      *bufio.Reader
	payload []byte
}

const (
	rawText  = 0x1
	rawClose = 0x8
	rawPing  = 0x9
	rawPong  = 0xa
)

// dialRaw connects and completes the handshake.
func dialRaw(t testing.TB, url string) *rawClient {
	t.Helper()
	request, err := http.NewRequest(http.MethodGet, strings.Replace(url, "ws://", "http://", 1), nil)
	must(t, err)
	for name, value := range map[string]string{
		"Connection": "Upgrade", "Upgrade": "websocket",
		"Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
	} {
		request.Header.Set(name, value)
	}
	tcp, err := net.Dial("tcp", request.URL.Host)
	must(t, err)
	t.Cleanup(func() { _ = tcp.Close() })
	must(t, request.Write(tcp))
	c := &rawClient{tcp: tcp, in: bufio.NewReader(tcp)}
	response, err := http.ReadResponse(c.in, request)
	must(t, err)
	defer response.Body.Close()
	// The sum is the one of RFC 6455, section 1.3, for its own example of a key.
	accept := response.Header.Get("Sec-WebSocket-Accept")
	if response.StatusCode != http.StatusSwitchingProtocols || accept != "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" {
		t.Fatalf("the handshake was answered by %s, %v", response.Status, response.Header)
	}
	return c
}

// read returns the next text message, which is valid until the next call. It answers pings
// on the way.
func (c *rawClient) read(t testing.TB) []byte {
	t.Helper()
	must(t, c.tcp.SetDeadline(time.Now().Add(patience)))
	for {
		switch op := c.readFrame(t); op {
		case rawText:
			return c.payload
		case rawPing:
			c.write(t, rawPong, c.payload)
		default:
			t.Fatalf("a frame with opcode %#x came: %q", op, c.payload)
		}
	}
}

// readFrame reads a whole frame and returns its opcode.
func (c *rawClient) readFrame(t testing.TB) byte {
	t.Helper()
	var head [8]byte
	_, err := io.ReadFull(c.in, head[:2])
	must(t, err)
	op, final, length := head[0]&0xf, head[0]&0x80 != 0, int(head[1])
	if !final || length > 127 {
		t.Fatalf("a frame begins with % x", head[:2])
	}
	switch length {
	case 126:
		_, err = io.ReadFull(c.in, head[:2])
		length = int(binary.BigEndian.Uint16(head[:]))
	case 127:
		_, err = io.ReadFull(c.in, head[:8])
		length = int(binary.BigEndian.Uint64(head[:]))
	}
	must(t, err)
	if cap(c.payload) < length {
		c.payload = make([]byte, length)
	}
	c.payload = c.payload[:length]
	_, err = io.ReadFull(c.in, c.payload)
	must(t, err)
	return op
}

// write sends a short frame, masked with zeros.
func (c *rawClient) write(t testing.TB, op byte, payload []byte) {
	t.Helper()
	if len(payload) > 125 {
		t.Fatalf("a control frame has %d bytes", len(payload))
	}
	frame := append([]byte{0x80 | op, 0x80 | byte(len(payload)), 0, 0, 0, 0}, payload...)
	_, err := c.tcp.Write(frame)
	must(t, err)
}

// close ends the connection as RFC 6455 requires.
func (c *rawClient) close(t testing.TB) {
	t.Helper()
	c.write(t, rawClose, binary.BigEndian.AppendUint16(nil, 1000))
	for c.readFrame(t) != rawClose {
		continue // pings are not answered any more
	}
}
