package deflate

import (
	"runtime"
	"sync"
)

// HistorySize is how many bytes of what was sent before a message may repeat. The benchmark compares sizes: 4 KB make
// records of 276 bytes 6 percent shorter, and do not fit a window of 4 KB, for which some libraries ask.
const HistorySize = 2048

// Deflaters holds what compressing takes for any number of connections: about 1.2 MB for each message that
// is compressed at the same time, until the garbage collector takes it. These are no more than there are
// processors: a goroutine that is preempted would else have others need as much again.
type Deflaters struct {
	turns chan struct{} // has an element for each message that is being compressed
	pool  sync.Pool
}

// NewDeflaters returns Deflaters that hold nothing yet.
func NewDeflaters() *Deflaters {
	return &Deflaters{turns: make(chan struct{}, runtime.GOMAXPROCS(0))}
}

// appendMessage appends a message that is compressed with a history.
func (d *Deflaters) appendMessage(dst, history, message []byte) ([]byte, error) {
	d.turns <- struct{}{}
	defer func() { <-d.turns }()
	e, ok := d.pool.Get().(*encoder)
	if !ok {
		e = new(encoder)
	}
	defer d.pool.Put(e)
	return e.appendMessage(dst, history, message)
}

// AppendShared appends the compressed form of a message that is sent to several connections, as the payload of a message
// with the RSV1 bit. It may repeat itself and history, of which at most HistorySize bytes are used: each of the
// connections must have been sent that compressed, as the last of what it was. It may be longer than the message.
func (d *Deflaters) AppendShared(dst, history, message []byte) []byte {
	out, err := d.appendMessage(dst, history[max(0, len(history)-HistorySize):], message)
	if err != nil {
		panic("deflate: " + err.Error()) // the level is a valid one, and what takes the bytes does not fail
	}
	return out
}

// Compressor compresses the messages that a connection sends. It is not safe for concurrent use. It keeps
// the last 2 KB of the messages that were sent compressed, which is all that the messages after them may
// repeat: the LZ77 window of the peer holds these, and not what was sent uncompressed.
type Compressor struct {
	shared      *Deflaters
	independent bool
	history     []byte // nil before the first message, and always if messages are independent
	longest     int    // bytes that are compressed at once, lest they repeat what the window has lost
}

// NewCompressor returns the Compressor of a new connection.
func (d *Deflaters) NewCompressor(agreed Params) *Compressor {
	return &Compressor{shared: d, independent: agreed.NoContextTakeover, longest: agreed.Window() - HistorySize}
}

// AppendCompressed appends the compressed form of a message to dst, as the payload of a message with the
// RSV1 bit, and returns the extended buffer. The caller must send it then, and before whatever it compresses
// after it. The message may lie in dst, and nothing refers to it afterwards.
//
// It returns false if the message would not become shorter, and is to be sent uncompressed: dst has nothing
// more then, and the history is as it was. So messages that resemble only each other, and do not become
// shorter by themselves, are never compressed. What resembles earlier messages is found in messages of at
// least 128 bytes.
func (c *Compressor) AppendCompressed(dst, message []byte) ([]byte, bool) {
	out, err := c.compress(dst, message)
	if err != nil || len(out)-len(dst) >= len(message) { // the flate package has no reason to fail
		return out[:len(dst)], false
	}
	c.remember(message)
	return out, true
}

// compress compresses a message in pieces where the window is narrow. The window has what comes before a piece,
// which is at least as long as a history.
func (c *Compressor) compress(dst, message []byte) ([]byte, error) {
	history := c.history
	for len(message) > c.longest {
		var err error
		if dst, err = c.shared.appendMessage(dst, history, message[:c.longest]); err != nil {
			return dst, err
		}
		dst = append(dst, tail...)
		history, message = message[c.longest-HistorySize:c.longest], message[c.longest:]
	}
	return c.shared.appendMessage(dst, history, message)
}

// remember adds a message that is sent compressed to the history, which is allocated by the first one.
func (c *Compressor) remember(message []byte) {
	if c.independent {
		return
	}
	if c.history == nil {
		c.history = make([]byte, 0, HistorySize)
	}
	message = message[max(0, len(message)-HistorySize):]
	excess := max(0, len(c.history)+len(message)-HistorySize)
	kept := copy(c.history, c.history[excess:])
	c.history = append(c.history[:kept], message...)
}
