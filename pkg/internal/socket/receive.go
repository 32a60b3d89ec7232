package socket

import "github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"

// waits is called by the reader before it waits for anything.
func (c *Conn) waits() {
	if c.onWait != nil {
		c.onWait()
	}
}

// receive waits for more bytes of the peer.
func (c *Conn) receive() error {
	c.countReceived()
	c.beginReceive()
	return c.endReceive(c.arrived.readFrom(c.raw))
}

// receiveInto reads some bytes of a payload, into dst itself where it has room for many.
func (c *Conn) receiveInto(dst []byte) (int, error) {
	if len(c.arrived.bytes()) == 0 && len(dst) < len(c.arrived.buffer()) {
		if err := c.receive(); err != nil {
			return 0, err
		}
	}
	if arrived := c.arrived.bytes(); len(arrived) > 0 {
		n := min(len(dst), len(arrived))
		return copy(dst, c.arrived.take(n)), nil
	}
	c.beginReceive()
	n, err := c.raw.Read(dst)
	if n > 0 {
		err = nil // an error beside bytes is returned again by the next read
	}
	return n, c.endReceive(err)
}

// beginReceive and endReceive enclose a read of the socket. Only within does the peer's silence count against it,
// not while the reader is held up by a limit.
func (c *Conn) beginReceive() {
	c.waits()
	c.readSince.Store(int64(c.since()))
}

func (c *Conn) endReceive(err error) error {
	c.readSince.Store(notReading)
	c.clock.reset()
	if err != nil {
		return c.cut()
	}
	return nil
}

// countReceived counts the bytes of the messages read since the last call: the metric is shared by all connections.
func (c *Conn) countReceived() {
	if c.received > 0 {
		c.metrics.BytesReceived.Add(float64(c.received))
		c.received = 0
	}
}

// cut records that the connection is broken, or that its time to close is over.
func (c *Conn) cut() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.peerCode == 0 {
		c.peerCode = proxy.CloseAbnormal
	}
	return errEnded
}
