package socket

import (
	"encoding/binary"
	"unicode/utf8"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// takeControl reads the payload of a control frame and does what it asks for.
func (c *Conn) takeControl(h header) error {
	payload, err := c.readControl(h)
	if err != nil {
		return err
	}
	switch h.op {
	case opPing:
		c.pingReceived(payload)
	case opPong:
		c.pongReceived(payload)
	default:
		return c.peerClosed(payload)
	}
	return nil
}

// readControl reads the payload of a control frame, which is valid until more is read.
func (c *Conn) readControl(h header) ([]byte, error) {
	length := int(h.length)
	c.arrived.fits(length) // any buffer holds a control frame
	for len(c.arrived.bytes()) < length {
		if err := c.receive(); err != nil {
			return nil, err
		}
	}
	payload := c.arrived.take(length)
	unmask(payload, h.mask)
	return payload, nil
}

// peerClosed takes the payload of the peer's close frame, which is echoed.
func (c *Conn) peerClosed(payload []byte) error {
	if violation := checkClose(payload); violation != "" {
		return c.violated(violation)
	}
	code := proxy.CloseNoStatus
	if len(payload) > 0 {
		code = proxy.CloseCode(binary.BigEndian.Uint16(payload))
		payload = payload[2:]
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case !utf8.Valid(payload): // RFC 6455, section 5.5.1
		code = proxy.CloseInvalidPayload
		c.echo = appendClose(nil, uint16(code), "The reason of a close frame is not UTF-8.")
	case code == proxy.CloseNoStatus:
		c.echo = appendFrame(nil, opClose, nil)
	default:
		c.echo = appendClose(nil, uint16(code), string(payload))
	}
	c.peerCode = code
	c.setResult(code)
	return errEnded
}

// pingReceived leaves the pong to the writer. Where the queue of pongs is full, the newest pong replaces
// those before it, as RFC 6455, section 5.5.3 allows.
func (c *Conn) pingReceived(payload []byte) {
	c.mu.Lock()
	if len(c.pongs) > maxPongs {
		c.pongs = c.pongs[:0]
	}
	c.pongs = appendFrame(c.pongs, opPong, payload)
	c.mu.Unlock()
	c.Wake()
}

func (c *Conn) pongReceived(payload []byte) {
	if c.onPong == nil {
		return
	}
	right := c.onPong(payload) || string(payload) == keepalivePing || string(payload) == signPing
	if c.pings.ponged(right) {
		c.End(strangePongs())
	}
}
