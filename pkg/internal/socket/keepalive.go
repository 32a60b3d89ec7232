package socket

import "time"

const (
	// keepalivePing is the payload of the pings that keep a connection alive. No delivery ping
	// has it.
	keepalivePing = "keepalive"
	// notReading is what Conn.readSince holds while the reader does not wait for the peer.
	notReading = -1
	// heldUp is the duration from which a write counts as held up by a full socket.
	heldUp = 20 * time.Millisecond
	// beats is how many times in a PingInterval the keepalives of all connections are looked after, together: one
	// at a time, each would find the processor of an idle machine asleep, and to wake it takes longer than a ping.
	beats = 25
)

// keepalive watches for a silent peer: the writer pings it after the PingInterval and gives it up
// PongTimeout later. Only the writer uses it, so that no time counts while a full socket holds up
// the writer.
//
// A socket takes megabytes that the peer's program has not read, without being full. A ping behind them all is answered
// when a slow peer has read them all, which may take longer than it has for an answer. So the writer also pings behind
// every ProbeBytes in whose time it heard nothing: the peer is heard while it reads.
type keepalive struct {
	pinged   bool
	pingedAt time.Duration // on the connection's clock
	resumed  time.Duration // when a write that a full socket held up last returned
	heardAt  time.Duration // the last time that append has seen of heard
	unprobed int           // bytes written since, or since the last ping behind ProbeBytes
}

// wrote counts bytes that were written.
func (k *keepalive) wrote(n int) { k.unprobed += n }

// tookWrite restarts the PongTimeout after a write that a full socket held up: bytes that were sent
// before the ping delayed it.
func (k *keepalive) tookWrite(c *Conn, took time.Duration) {
	if took >= heldUp {
		k.resumed = c.since()
	}
}

// heard returns when the last byte of the peer arrived, or when the reader began to wait for it after
// a full window or a rate limit had held it up. reading is false while the reader is held up.
func (k *keepalive) heard(c *Conn) (at time.Duration, reading bool) {
	since := c.readSince.Load()
	return time.Duration(max(c.lastHeard.Load(), since)), since != notReading
}

// append appends a ping if one is due.
func (k *keepalive) append(c *Conn, buf []byte) []byte {
	heard, reading := k.heard(c)
	if heard != k.heardAt {
		k.heardAt, k.unprobed = heard, 0
	}
	if most := c.settings.ProbeBytes; most > 0 && k.unprobed >= most { // no time runs for the answer: see above
		k.unprobed = 0
		return appendKeepalive(c, buf)
	}
	if k.pinged && heard >= k.pingedAt {
		k.pinged = false
	}
	now := c.since()
	if k.pinged || !reading || now-heard < c.settings.PingInterval {
		return buf
	}
	k.pinged, k.pingedAt = true, now
	return appendKeepalive(c, buf)
}

func appendKeepalive(c *Conn, buf []byte) []byte {
	c.pings.pinged()
	return appendFrame(buf, opPing, []byte(keepalivePing))
}

// next returns how long the writer may sleep, and whether the peer is dead.
func (k *keepalive) next(c *Conn) (wait time.Duration, dead bool) {
	heard, reading := k.heard(c)
	if !reading {
		return c.untilBeat(c.settings.PingInterval), false
	}
	now := c.since()
	if !k.pinged || heard >= k.pingedAt {
		return c.untilBeat(c.settings.PingInterval - (now - heard)), false
	}
	wait = c.settings.PongTimeout - (now - max(k.pingedAt, k.resumed))
	return c.untilBeat(wait), wait <= 0
}

// untilBeat prolongs a wait until the keepalives are looked after.
func (c *Conn) untilBeat(wait time.Duration) time.Duration {
	beat := c.settings.PingInterval / beats
	if wait <= 0 || beat <= 0 {
		return wait
	}
	now := time.Now()
	return now.Add(wait + beat - 1).Truncate(beat).Sub(now)
}
