package socket

import (
	"net"
	"slices"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/codec"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

const (
	// fillSize is about how many bytes one write has: enough to spread its cost over many
	// records, few enough that pings and pongs do not wait long behind it.
	fillSize = 64 << 10
	// maxTexts bounds the error frames that wait for the writer.
	maxTexts = 16 << 10
	// maxPongs bounds the pongs that wait for the writer.
	maxPongs = 4 << 10
	// takenChecks is how many times in a WriteTimeout the Stream checks whether a full socket
	// has taken bytes.
	takenChecks = 8
	// echoTimeout bounds the last write to a peer that has ended the connection.
	echoTimeout = time.Second
)

// source yields the frames that a flow has to send. Only the writer calls it.
type source interface {
	// fill appends frames that are ready, until dst has grown past fillSize.
	fill(dst []byte) []byte
	// midMessage tells that fill has appended fragments of a message and not yet its last. Only
	// control frames may come in between (RFC 6455, section 5.4).
	midMessage() bool
	// wrote tells that the socket has taken all that fill appended since the last call.
	wrote()
	// due returns when fill will have a frame without a wake, or the zero time.
	due() time.Time
	// rest is called when nothing was to be sent for a while. The source gives back what it does not need.
	rest()
	// over is called while the proxy closes the connection. It returns true if nothing is in
	// flight anymore, or if late. After that the source accepts nothing more.
	over(late bool) bool
}

// SendText leaves a text frame for the writer. It blocks while too many bytes of them wait, at most
// until the writer ends.
func (c *Conn) SendText(payload []byte) {
	for !c.leaveText(payload) {
		select {
		case <-c.room:
		case <-c.done:
			return
		}
	}
	c.Wake()
}

func (c *Conn) leaveText(payload []byte) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.texts) > maxTexts {
		return false
	}
	c.texts = appendFrame(c.texts, opText, payload)
	return true
}

// writeLoop is the writer. It returns when the connection is closed.
func (c *Conn) writeLoop(src source) {
	c.writing.Lock() // for ever, in the end: nothing is pushed anymore
	c.src, c.timer = src, time.NewTimer(c.settings.PingInterval)
	defer c.writerEnded()
	defer func() { c.chargeOut(0) }()
	defer c.timer.Stop()
	defer c.forgetDue()
	for {
		wait, dead := c.keepalive.next(c)
		if dead || c.endPush() != nil {
			return
		}
		c.extension.beginWrite()
		buf, closing := c.pending(c.out[:0])
		buf = src.fill(buf)
		if closing {
			var over bool
			if buf, over = c.lastWords(buf); over {
				_ = c.write(buf)
				return
			}
		}
		if len(buf) > 0 {
			if c.writeOut(buf) != nil {
				return
			}
			continue
		}
		c.shrinkOut()
		c.pause(wait)
	}
}

// forgetDue undoes setDue.
func (c *Conn) forgetDue() {
	if p := c.pushers.Load(); p != nil {
		p.forget(c)
	}
}

// pause waits until there is something to do. Meanwhile it can be pushed.
func (c *Conn) pause(wait time.Duration) {
	due := c.src.due()
	if c.setDue(due, wait) && !c.isEnding.Load() {
		c.timer.Stop()
	} else {
		c.timer.Reset(c.untilDue(due, wait))
	}
	c.writing.Unlock()
	fired := false
	select {
	case <-c.wake:
	case <-c.timer.C:
		fired = true
	}
	c.writing.Lock()
	if fired && (due.IsZero() || due.After(time.Now())) {
		c.rest()
	}
}

// setDue has the connection pushed when there is something to do without a wake: for its source when that is due. It returns
// false if nobody pushes it. c.writing is held.
func (c *Conn) setDue(due time.Time, wait time.Duration) bool {
	p := c.pushers.Load()
	if p == nil {
		return false
	}
	now := time.Now()
	p.setDue(c, now, due, now.Add(wait))
	return true
}

// writeOut writes a buffer, keeps it for the next round, and tells the source.
func (c *Conn) writeOut(buf []byte) error {
	c.chargeOut(cap(buf))
	if err := c.write(buf); err != nil {
		return err
	}
	c.keepalive.wrote(len(buf))
	c.metrics.BytesSent.Add(float64(len(buf)))
	c.keepBuffer(buf)
	c.src.wrote()
	return nil
}

// rest gives back what the writer keeps from one write to the next.
func (c *Conn) rest() {
	c.out = nil
	c.chargeOut(0)
	c.mu.Lock()
	if len(c.texts) == 0 {
		c.texts = nil
	}
	if len(c.pongs) == 0 {
		c.pongs = nil
	}
	c.mu.Unlock()
	c.src.rest()
}

// keepBuffer keeps the write buffer for the next round, unless one long message made it huge.
func (c *Conn) keepBuffer(buf []byte) {
	if cap(buf) <= 4*fillSize {
		c.out = buf[:0]
		return
	}
	c.out = nil
}

// untilDue returns how long the writer may sleep if its source has something to send when it is due.
func (c *Conn) untilDue(due time.Time, wait time.Duration) time.Duration {
	if !due.IsZero() {
		wait = min(wait, time.Until(due))
	}
	if e := c.Ending(); e != nil {
		wait = min(wait, time.Until(e.by))
	}
	return max(wait, 0)
}

// pending appends the frames that other goroutines have left for the writer, and tells whether the connection is being
// closed. What was left, and what the source had, before somebody asked for that is sent before the close frame: the writer
// closes only what was being closed before it took these.
func (c *Conn) pending(buf []byte) (_ []byte, closing bool) {
	buf = c.keepalive.append(c, buf)
	c.mu.Lock()
	defer c.mu.Unlock()
	closing = c.hungUp || c.ending != nil
	buf = c.askForSign(buf)
	buf = append(buf, c.pongs...)
	c.pongs = c.pongs[:0]
	if len(c.texts) > 0 && !c.src.midMessage() {
		buf = append(buf, c.texts...)
		c.texts = c.texts[:0]
		select {
		case c.room <- struct{}{}:
		default:
		}
	}
	return buf, closing
}

// lastWords tells whether the writer is to end, and appends the close frame then: the echo of the
// peer's, or ours once the flow has finished or its grace is over.
func (c *Conn) lastWords(buf []byte) ([]byte, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.hungUp && (c.ending == nil || c.peerCode != 0) {
		_ = c.raw.SetWriteDeadline(time.Now().Add(echoTimeout))
		c.closeSent = true
		return append(buf, c.echo...), true
	}
	e := c.ending
	if e == nil || !c.src.over(!time.Now().Before(e.by)) {
		return buf, false
	}
	if e.Error != nil && !c.src.midMessage() {
		frame, mark := beginFrame(buf)
		buf = endFrame(codec.AppendError(frame, e.Error, "", ""), mark, opText)
	}
	c.closeSent = true
	by := time.Now().Add(c.settings.CloseTimeout)
	if c.peerCode == 0 {
		_ = c.raw.SetReadDeadline(by)
	}
	if e.by.After(by) { // frames before the close frame may take the whole grace
		by = e.by
	}
	_ = c.raw.SetWriteDeadline(by)
	return appendClose(buf, uint16(e.Code), e.Reason), true
}

// writerEnded ends the reader, at once if no close frame was sent: the connection is broken or the peer dead.
func (c *Conn) writerEnded() {
	c.shut() // before done: a goroutine that sees done must find open ended, too
	close(c.done)
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.closeSent {
		c.Cut()
	}
}

// writePiece is how many bytes are encrypted before the socket has taken those before them.
const writePiece = 4 * fillSize

// write sends buf whole. A socket that takes no byte for the WriteTimeout is given up: see
// Stream.
func (c *Conn) write(buf []byte) error {
	began := time.Now()
	if err := c.writeWhole(buf); err != nil {
		return err
	}
	c.keepalive.tookWrite(c, time.Since(began))
	return nil
}

func (c *Conn) writeWhole(buf []byte) error {
	if c.raw == net.Conn(c.stream) {
		return c.stream.send(c, buf)
	}
	for piece := range slices.Chunk(buf, writePiece) {
		if err := c.stream.flush(c); err != nil {
			return err
		}
		if _, err := c.raw.Write(piece); err != nil {
			return err
		}
	}
	return c.stream.flush(c)
}

// setWriteDeadline bounds one write to the socket, so that the Stream can check the peer's progress.
func (c *Conn) setWriteDeadline(socket net.Conn, lastTaken time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closeSent {
		return nil // lastWords has set it
	}
	by := time.Now().Add(c.settings.WriteTimeout / takenChecks)
	if full := lastTaken.Add(c.settings.WriteTimeout); full.Before(by) {
		by = full
	}
	if last, ends := c.lastWrite(); ends && last.Before(by) {
		by = last
	}
	return socket.SetWriteDeadline(by)
}

// clearWriteDeadline undoes setWriteDeadline.
func (c *Conn) clearWriteDeadline(socket net.Conn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.closeSent {
		_ = socket.SetWriteDeadline(time.Time{})
	}
}

// lastWrite returns when a write of a connection that ends is given up. It is never in the past: the write
// would fail although the socket has room, and its peer would not get the close frame. c.mu is held.
func (c *Conn) lastWrite() (by time.Time, ends bool) {
	by = time.Now().Add(echoTimeout)
	if c.hungUp {
		return by, true
	}
	if c.ending == nil {
		return time.Time{}, false
	}
	if c.ending.by.After(by) {
		by = c.ending.by
	}
	return by, true
}

// hurryWrite bounds the write that is under way when the connection begins to end. c.mu is held.
func (c *Conn) hurryWrite() {
	if by, ends := c.lastWrite(); ends && !c.closeSent && time.Until(by) < c.settings.WriteTimeout/takenChecks {
		_ = c.stream.SetWriteDeadline(by)
	}
}

// giveUp tells whether a write that has reached its deadline is to be given up.
func (c *Conn) giveUp(lastTaken time.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closeSent || c.hungUp || c.ending != nil && !time.Now().Before(c.ending.by) {
		return true
	}
	if time.Since(lastTaken) < c.settings.WriteTimeout {
		return false
	}
	c.setResult(proxy.CloseTryAgainLater)
	c.metrics.SlowClientCloses.Inc()
	return true
}
