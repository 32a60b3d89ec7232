package socket

import (
	"bufio"
	"context"
	"errors"
	"io"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// errNotControl tells that what a peer sent after its close frame is no control frame of a client.
var errNotControl = errors.New("no control frame of a client")

// awaitsEcho tells whether the peer has sent a close frame and not received one: until then it answers
// pings (RFC 6455, section 5.5.2).
func (c *Conn) awaitsEcho() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.closedByPeer() && !c.closeSent
}

// closedByPeer tells whether the peer has sent a close frame. c.mu is held.
func (c *Conn) closedByPeer() bool { return c.peerCode != 0 && c.peerCode != proxy.CloseAbnormal }

// readPongs reads the pongs that the peer sends after its close frame, which the library does not, while
// wanted returns true and until the time by at the latest. The reader calls it.
func (c *Conn) readPongs(by time.Time, wanted func() bool) {
	c.mu.Lock()
	_ = c.raw.SetReadDeadline(by)
	c.mu.Unlock()
	for wanted() {
		op, payload, err := readControl(c.buffered)
		if err != nil {
			return
		}
		if op == opPong {
			c.pongReceived(context.Background(), payload)
		}
	}
}

// readControl reads a masked control frame.
func readControl(r *bufio.Reader) (opcode, []byte, error) {
	var head [6]byte // first byte, length, mask
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return 0, nil, err //nolint:wrapcheck // only whether there is a frame matters
	}
	length := head[1] &^ maskBit
	op := opcode(head[0] &^ finalFragment)
	if head[0]&finalFragment == 0 || op < opClose || op > opPong || head[1]&maskBit == 0 || length > maxControlPayload {
		return 0, nil, errNotControl
	}
	payload := make([]byte, length)
	if _, err := io.ReadFull(r, payload); err != nil {
		return 0, nil, err //nolint:wrapcheck // as above
	}
	for i := range payload {
		payload[i] ^= head[2+i%4]
	}
	return op, payload, nil
}
