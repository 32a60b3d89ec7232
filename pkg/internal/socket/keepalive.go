package socket

import "time"

const (
	// keepalivePing is the payload of the pings that keep a connection alive. It is not that
	// of any delivery ping.
	keepalivePing = "keepalive"
	// notReading is what Conn.readSince holds while the reader does not wait for the peer.
	notReading = -1
	// heldUp is how long a write takes at least when the socket is full.
	heldUp = 20 * time.Millisecond
)

// keepalive is the writer's watch over a silent peer: it is pinged after the PingInterval and
// given up PongTimeout later. Only the writer uses it, so that the clock stands while the
// writer is held up by a full socket.
type keepalive struct {
	pinged   bool
	pingedAt time.Duration // on the connection's clock
	resumed  time.Duration // when a full socket last took a write
}

// tookWrite restarts the peer's time after a write that a full socket held up: what was sent
// before lies in front of the ping.
func (k *keepalive) tookWrite(c *Conn, took time.Duration) {
	if took >= heldUp {
		k.resumed = c.since()
	}
}

// heard returns when the peer was last heard, or had its first chance to be heard after the
// reader was held up by a full window or a rate limit. reading is false while it is.
func (k *keepalive) heard(c *Conn) (at time.Duration, reading bool) {
	since := c.readSince.Load()
	return time.Duration(max(c.lastHeard.Load(), since)), since != notReading
}

// append appends a ping if one is due.
func (k *keepalive) append(c *Conn, buf []byte) []byte {
	heard, reading := k.heard(c)
	if k.pinged && heard >= k.pingedAt {
		k.pinged = false
	}
	now := c.since()
	if k.pinged || !reading || now-heard < c.settings.PingInterval {
		return buf
	}
	k.pinged, k.pingedAt = true, now
	c.pings.pinged()
	return appendFrame(buf, opPing, []byte(keepalivePing))
}

// next returns how long the writer may sleep, or that the peer is dead.
func (k *keepalive) next(c *Conn) (wait time.Duration, dead bool) {
	heard, reading := k.heard(c)
	if !reading {
		return c.settings.PingInterval, false
	}
	now := c.since()
	if !k.pinged || heard >= k.pingedAt {
		return c.settings.PingInterval - (now - heard), false
	}
	wait = c.settings.PongTimeout - (now - max(k.pingedAt, k.resumed))
	return wait, wait <= 0
}
