package deflate

import "sync"

const (
	// historySize is how many bytes of what it has sent a Compressor keeps. The benchmark compares sizes.
	historySize = 2048
	// trialEvery is how many messages in a row that do not become shorter come to one that is sent
	// compressed all the same.
	trialEvery = 16
	// emptyMessage is the compressed form of a message without payload: RFC 7692, section 7.2.3.6.
	emptyMessage = 0
)

// Deflaters holds what compressing takes for any number of connections: about 20 KB for as many messages of
// up to 768 bytes as were compressed at the same time, and about 1.2 MB for as many of the longer ones. Both
// are kept until the garbage collector takes them.
type Deflaters struct{ short, long sync.Pool }

// NewDeflaters returns Deflaters that hold nothing yet.
func NewDeflaters() *Deflaters { return new(Deflaters) }

// Compressor compresses the messages that a connection sends. It is not safe for concurrent use. It keeps
// the last 2 KB of the messages that were sent compressed, which is all that the messages after them may
// repeat: the LZ77 window of the peer holds these, and not what was sent uncompressed.
type Compressor struct {
	shared      *Deflaters
	independent bool
	history     []byte // nil before the first message, and always if messages are independent
	misses      int    // messages in a row that did not become shorter
}

// NewCompressor returns the Compressor of a new connection.
func (d *Deflaters) NewCompressor(agreed Params) *Compressor {
	return &Compressor{shared: d, independent: agreed.NoContextTakeover}
}

// AppendCompressed appends the compressed form of a message to dst, as the payload of a message with the
// RSV1 bit, and returns the extended buffer. The caller must send it then, and before whatever it compresses
// after it. The message may lie in dst, and nothing refers to it afterwards.
//
// It returns false if the message is to be sent uncompressed, since it would not become shorter; dst has
// nothing more then. Of short messages like that, the first and every 16th in a row are compressed all the
// same, since those that come after may repeat them; they are at most an eighth and 3 bytes longer. Without
// them, messages that resemble only each other would never be compressed.
func (c *Compressor) AppendCompressed(dst, message []byte) ([]byte, bool) {
	if len(message) == 0 {
		return append(dst, emptyMessage), true
	}
	out, ok := c.compress(dst, message)
	if !ok {
		return dst, false
	}
	if len(out)-len(dst) < len(message) {
		c.misses = 0
	} else if c.misses++; !c.tries(message) {
		return out[:len(dst)], false
	}
	c.remember(message)
	return out, true
}

// compress returns false if the flate package fails, for which it has no reason.
func (c *Compressor) compress(dst, message []byte) ([]byte, bool) {
	if len(message) <= shortSize && !c.independent {
		e, ok := c.shared.short.Get().(*shortEncoder)
		if !ok {
			e = new(shortEncoder)
		}
		defer c.shared.short.Put(e)
		return e.appendMessage(dst, c.history, message), true
	}
	e, ok := c.shared.long.Get().(*longEncoder)
	if !ok {
		e = new(longEncoder)
	}
	defer c.shared.long.Put(e)
	out, err := e.appendMessage(dst, c.history, message)
	return out, err == nil
}

// tries tells whether a message is sent compressed although it does not become shorter.
func (c *Compressor) tries(message []byte) bool {
	return c.misses%trialEvery == 1 && len(message) <= shortSize && !c.independent
}

// remember adds a message that is sent compressed to the history, which is allocated by the first one.
func (c *Compressor) remember(message []byte) {
	if c.independent {
		return
	}
	if c.history == nil {
		c.history = make([]byte, 0, historySize)
	}
	message = message[max(0, len(message)-historySize):]
	excess := max(0, len(c.history)+len(message)-historySize)
	kept := copy(c.history, c.history[excess:])
	c.history = append(c.history[:kept], message...)
}
