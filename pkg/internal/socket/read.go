package socket

import (
	"errors"
	"unicode/utf8"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// keptMessageBuffer is the longest message that is not charged to the memory budget while it is read.
const keptMessageBuffer = 16 << 10

// errEnded tells the reader that the connection is closed, or is being closed by the proxy.
var errEnded = errors.New("the connection has ended")

// Read returns the next message, which is valid until the next call. After a violation of the
// protocol it calls End itself, with the close code for it. After an error nothing more is read.
func (c *Conn) Read() (text bool, message []byte, err error) {
	c.forgetMessage()
	h, err := c.nextData(false)
	if err != nil {
		return false, nil, err
	}
	if err := c.awaitIntake(); err != nil {
		return false, nil, err
	}
	if message, err = c.readMessage(h); err != nil {
		return false, nil, err
	}
	c.received += len(message)
	if h.compressed {
		if message, err = c.inflate(message); err != nil {
			return false, nil, err
		}
	} else {
		c.reserveOnly(len(message))
	}
	text = h.op == opText
	if text && !utf8.Valid(message) { // RFC 6455, section 8.1
		return false, nil, c.refuse(proxy.CloseInvalidPayload, "A text message is not UTF-8.")
	}
	return text, message, nil
}

// forgetMessage gives back what the last message took.
func (c *Conn) forgetMessage() {
	if len(c.arrived.bytes()) == 0 {
		c.dropMessage()
		return
	}
	c.message = reusableBuffer(c.message)
	if x := c.extension; x != nil {
		x.message = reusableBuffer(x.message)
	}
	c.unreserve()
}

// dropMessage gives back the buffers too.
func (c *Conn) dropMessage() {
	c.message = nil
	if c.extension != nil {
		c.extension.message = nil
	}
	c.unreserve()
}

// reusableBuffer returns the room of a buffer for the next message, or nil if it is too large to be kept.
func reusableBuffer(buf []byte) []byte {
	if cap(buf) > keptMessageBuffer {
		return nil
	}
	return buf[:0]
}

// intake bounds the messages that a flow has without an answer. The reader calls it.
type intake interface {
	hasRoom() bool
	// awaitRoom waits until another message may be read. It fails once done is closed.
	awaitRoom(done <-chan struct{}) error
}

// awaitIntake waits until the flow may have the message that begins. The control frames before it were
// dealt with: a client with all its messages in flight may ping or close.
func (c *Conn) awaitIntake() error {
	if c.intake == nil || c.intake.hasRoom() {
		return nil
	}
	c.waits()
	defer c.clock.reset()
	return c.intake.awaitRoom(c.done)
}

// nextData returns the header of the next data frame, which continues a message or begins one. It takes the
// control frames before it.
func (c *Conn) nextData(continues bool) (header, error) {
	for {
		h, err := c.nextHeader()
		if err != nil {
			return header{}, err
		}
		switch {
		case h.op.isControl():
			if err := c.takeControl(h); err != nil {
				return header{}, err
			}
		case continues && h.op != opContinuation:
			return header{}, c.violated("A message begins before the one before it has ended (RFC 6455, section 5.4).")
		case !continues && h.op == opContinuation:
			return header{}, c.violated("A frame continues a message that has not begun (RFC 6455, section 5.4).")
		default:
			return h, nil
		}
	}
}

func (c *Conn) nextHeader() (header, error) {
	c.arrived.choose()
	allowed := byte(0)
	if c.extension != nil {
		allowed = compressedBit
	}
	for {
		h, violation := parseHeader(c.arrived.bytes(), allowed)
		if violation != "" {
			return header{}, c.violated(violation)
		}
		if h.size > 0 {
			c.arrived.take(h.size)
			return h, nil
		}
		c.arrived.fits(maxHeader)
		if err := c.receive(); err != nil {
			return header{}, err
		}
	}
}

// readMessage reads the message that begins with a frame, as it was sent: maybe compressed.
func (c *Conn) readMessage(h header) ([]byte, error) {
	compressed := h.compressed
	if err := c.checkLength(h.length, compressed); err != nil {
		return nil, err
	}
	if h.final && h.length <= busyBuffer && c.arrived.fits(int(h.length)) {
		return c.readInPlace(h)
	}
	for {
		if err := c.appendPayload(h); err != nil {
			return nil, err
		}
		if h.final {
			return c.message, nil
		}
		next, err := c.nextData(true)
		if err != nil {
			return nil, err
		}
		if err := c.checkLength(next.length, compressed); err != nil {
			return nil, err
		}
		h = next
	}
}

// readInPlace reads a payload that fits the buffer of what has arrived, and leaves it there.
func (c *Conn) readInPlace(h header) ([]byte, error) {
	length := int(h.length)
	for len(c.arrived.bytes()) < length {
		if err := c.receive(); err != nil {
			return nil, err
		}
	}
	if length > keptMessageBuffer {
		if err := c.reserve(); err != nil {
			return nil, err
		}
	}
	payload := c.arrived.take(length)
	unmask(payload, h.mask)
	return payload, nil
}

// appendPayload appends the payload of a frame to the message. The message grows as bytes come, not as
// the header says: a client that sends only headers takes no memory.
func (c *Conn) appendPayload(h header) error {
	begin := len(c.message)
	for left := int(h.length); left > 0; {
		if len(c.message) == cap(c.message) {
			if err := c.growMessage(left, h.final); err != nil {
				return err
			}
		}
		n, err := c.receiveInto(c.message[len(c.message):min(cap(c.message), len(c.message)+left)])
		if err != nil {
			return err
		}
		c.message = c.message[:len(c.message)+n]
		left -= n
	}
	unmask(c.message[begin:], h.mask)
	return nil
}

// growMessage makes room for more of a message of whose frame some bytes are left: no more than that at its
// end, else at least as much as it has, so that the time for many small frames is linear.
func (c *Conn) growMessage(left int, final bool) error {
	n := len(c.message)
	if n >= keptMessageBuffer {
		if err := c.reserve(); err != nil {
			return err
		}
	}
	room := min(left, max(n, keptMessageBuffer-n))
	if !final {
		room = max(room, n)
	}
	grown := make([]byte, n, n+room)
	copy(grown, c.message)
	c.message = grown
	return nil
}

// checkLength refuses a frame that makes the message too long.
func (c *Conn) checkLength(frame int64, compressed bool) error {
	if frame <= c.longestPayload(compressed)-int64(len(c.message)) {
		return nil
	}
	return c.refuseTooLong()
}

func (c *Conn) refuseTooLong() error {
	c.dropMessage() // not needed while the connection closes, which takes a while
	return c.refuse(proxy.CloseMessageTooBig, "A message is longer than the proxy allows (WSPROXY_MAX_MESSAGE_BYTES).")
}

// violated ends the connection for a breach of RFC 6455.
func (c *Conn) violated(rule string) error { return c.refuse(proxy.CloseProtocolError, rule) }

func (c *Conn) refuse(code proxy.CloseCode, reason string) error {
	c.End(Ending{Code: code, Reason: reason})
	return errEnded
}

// checkMessageType refuses a text message where messages are binary. Binary messages with JSON in
// them are accepted.
func checkMessageType(text, wantBinary bool) *proxy.Error {
	if text && wantBinary {
		return proxy.Errorf(proxy.KindInvalidMessage,
			"This is a text message: under socketPayload=avro messages are binary, one Avro datum each.")
	}
	return nil
}
