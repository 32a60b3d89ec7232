package socket

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"unicode/utf8"

	"github.com/coder/websocket"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

const (
	firstMessageBuffer = 4 << 10
	// keptMessageBuffer bounds the buffer that an idle connection keeps after a long message. Messages
	// that are no longer than that are not charged to the memory budget while they are read.
	keptMessageBuffer = 16 << 10
)

// errEnded tells the reader that the connection is closed, or is being closed by the proxy.
var errEnded = errors.New("the connection has ended")

// Read returns the next message, which is valid until the next call. After a violation of the
// protocol it calls End itself, with the close code for it. After an error nothing more is read.
func (c *Conn) Read() (text bool, message []byte, err error) {
	if cap(c.message) > keptMessageBuffer {
		c.message = nil
	}
	c.unreserve()
	c.readSince.Store(int64(c.since()))
	defer c.readSince.Store(notReading)
	kind, r, err := c.lib.Reader(context.Background())
	if err != nil {
		return false, nil, c.readFailed(err)
	}
	if err := c.awaitIntake(); err != nil {
		return false, nil, err
	}
	message, err = c.readAll(r)
	if err != nil {
		return false, nil, err
	}
	c.reserveOnly(len(message))
	c.metrics.BytesReceived.Add(float64(len(message)))
	text = kind == websocket.MessageText
	if text && !utf8.Valid(message) { // the library does not check (RFC 6455, section 8.1)
		c.End(Ending{Code: proxy.CloseInvalidPayload, Reason: "A text message is not UTF-8."})
		return false, nil, errEnded
	}
	return text, message, nil
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
	c.readSince.Store(notReading) // the peer's silence is not its fault
	if err := c.intake.awaitRoom(c.done); err != nil {
		return err
	}
	c.readSince.Store(int64(c.since()))
	return nil
}

// readAll reads a message to its end. The library also reports an end of the message where the
// connection was cut between two fragments.
func (c *Conn) readAll(r io.Reader) ([]byte, error) {
	if c.message == nil {
		c.message = make([]byte, firstMessageBuffer)
	}
	limit := c.settings.MaxMessageBytes
	n := 0
	for {
		if n == len(c.message) {
			if err := c.reserve(); err != nil {
				return nil, err
			}
			// The library fills the buffer before it returns: one byte beyond the limit is
			// enough to detect a message that is too long.
			c.message = append(c.message, make([]byte, min(int64(n), limit+1-int64(n)))...)
		}
		read, err := r.Read(c.message[n:])
		n += read
		if int64(n) > limit {
			c.message = nil // not needed while the connection closes, which takes a while
			c.unreserve()
			c.End(Ending{Code: proxy.CloseMessageTooBig, Reason: "A message is longer than the proxy allows."})
			return nil, errEnded
		}
		if errors.Is(err, io.EOF) && !c.readOver {
			return c.message[:n], nil
		}
		if err != nil {
			return nil, c.readFailed(err)
		}
	}
}

// readFailed records how the connection ended: by the peer's close frame, by a frame that the
// library refused, or by a cut connection.
func (c *Conn) readFailed(err error) error {
	if peer, ok := errors.AsType[websocket.CloseError](err); ok {
		c.peerClosed(peer)
		return errEnded
	}
	if isCut(err) {
		c.mu.Lock()
		c.peerCode = proxy.CloseAbnormal
		c.mu.Unlock()
		return errEnded
	}
	c.refuseBrokenFrame()
	return errEnded
}

// peerClosed records the peer's close frame. The library does not check that its reason is UTF-8
// (RFC 6455, section 5.5.1): a frame whose reason is not is answered by CloseInvalidPayload.
func (c *Conn) peerClosed(peer websocket.CloseError) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.peerCode = proxy.CloseCode(peer.Code)
	if !utf8.ValidString(peer.Reason) {
		c.peerCode = proxy.CloseInvalidPayload
		c.echo = appendClose(nil, uint16(c.peerCode), "The reason of a close frame is not UTF-8.")
	}
	c.setResult(c.peerCode)
}

// refuseBrokenFrame ends the connection with the library's close frame where it wrote one, else with
// one of ours: the library writes none for an unmasked frame and for an impossible length.
func (c *Conn) refuseBrokenFrame() {
	code, reason := proxy.CloseProtocolError, "A frame breaks RFC 6455."
	c.mu.Lock()
	if frame := c.echo; len(frame) > 4 {
		code, reason = proxy.CloseCode(binary.BigEndian.Uint16(frame[2:])), string(frame[4:])
		c.echo = nil
	}
	c.mu.Unlock()
	c.End(Ending{Code: code, Reason: reason})
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

func isCut(err error) bool {
	var network net.Error
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.ErrClosedPipe) ||
		errors.Is(err, net.ErrClosed) || errors.As(err, &network)
}
