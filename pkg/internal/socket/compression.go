package socket

import (
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/deflate"
)

// compressedBit is the bit RSV1 of the first frame of a message that is compressed (RFC 7692, section 6).
const compressedBit = 0x40

// Compression is what all connections share that compress messages by permessage-deflate (RFC 7692).
type Compression struct {
	minBytes  int64
	deflaters *deflate.Deflaters
	inflaters *deflate.Inflaters
}

// NewCompression returns the compression of messages that have at least minBytes bytes.
func NewCompression(minBytes int64) *Compression {
	return &Compression{minBytes: minBytes, deflaters: deflate.NewDeflaters(), inflaters: deflate.NewInflaters()}
}

// extension is permessage-deflate on one connection. Its methods for the writer do without compression where it
// is nil: where it was not negotiated. It keeps 2 KB for messages to come, once it has compressed one.
type extension struct {
	shared *Compression
	agreed deflate.Params

	// The writer's. What a flow is given compressed for several connections must not be mixed with what is compressed here.
	compressor *deflate.Compressor
	saved      int // bytes that the messages since beginWrite became shorter by

	// The reader's.
	message []byte // the inflated message
}

// negotiate chooses an offer of the client, from the values of its Sec-WebSocket-Extensions headers, and
// returns the value of that header for the answer. It returns nil where nothing is to be compressed.
func (s *Compression) negotiate(offers []string) (x *extension, response string) {
	if s == nil {
		return nil, ""
	}
	agreed, response, ok := deflate.Negotiate(offers)
	if !ok {
		return nil, ""
	}
	return &extension{shared: s, agreed: agreed, compressor: s.deflaters.NewCompressor(agreed)}, response
}

// Agreed returns what was agreed on about messages that are sent compressed, and false where none may be.
func (c *Conn) Agreed() (agreed deflate.Params, ok bool) {
	if c.extension == nil {
		return deflate.Params{}, false
	}
	return c.extension.agreed, true
}

// endMessage is endFrame for a whole message, which it compresses if it is long enough and becomes shorter.
// The message must then be sent, and before those that are ended after it: they may repeat it. A message that
// holds a secret, or answers one, must be ended by endFrame: docs/security.md says why.
func (x *extension) endMessage(dst []byte, mark int, op opcode) []byte {
	start := mark + frameReserve
	length := len(dst) - start
	if x == nil || int64(length) < x.shared.minBytes {
		return endFrame(dst, mark, op)
	}
	both, ok := x.compressor.AppendCompressed(dst, dst[start:])
	if !ok {
		return endFrame(both, mark, op)
	}
	n := copy(both[start:], both[start+length:])
	x.saved += length - n
	return endFrame(both[:start+n], mark, op|compressedBit)
}

// beginWrite is called before the messages of a write are appended.
func (x *extension) beginWrite() {
	if x != nil {
		x.saved = 0
	}
}

// filled returns how long a write would be without compression. That bounds it, lest a write of messages that
// become very short takes very long to make.
func (x *extension) filled(dst []byte) int {
	if x == nil {
		return len(dst)
	}
	return len(dst) + x.saved
}
