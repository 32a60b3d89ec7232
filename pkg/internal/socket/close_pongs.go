package socket

import (
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// awaitsEcho tells whether the peer has sent a close frame and not received one: until then it answers
// pings (RFC 6455, section 5.5.2).
func (c *Conn) awaitsEcho() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.closedByPeer() && !c.closeSent
}

// closedByPeer tells whether the peer has sent a close frame. c.mu is held.
func (c *Conn) closedByPeer() bool { return c.peerCode != 0 && c.peerCode != proxy.CloseAbnormal }

// readPongs reads the pongs that the peer sends after its close frame, while wanted returns true and until
// the time by at the latest. The reader calls it.
func (c *Conn) readPongs(by time.Time, wanted func() bool) {
	c.mu.Lock()
	_ = c.raw.SetReadDeadline(by)
	c.mu.Unlock()
	for wanted() {
		h, err := c.nextHeader()
		if err != nil || !h.op.isControl() {
			return
		}
		payload, err := c.readControl(h)
		if err != nil {
			return
		}
		if h.op == opPong {
			c.pongReceived(payload)
		}
	}
}
