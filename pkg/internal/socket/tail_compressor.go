package socket

import "github.com/wsproxy/kafka-websocket-proxy/pkg/internal/deflate"

// TailCompressor compresses the frames of TailFrames, for all connections that are sent them. It is safe for concurrent
// use.
type TailCompressor struct {
	shared     *Compression
	compressed func()
}

// ForTails returns what compresses frames for tails. compressed is called for each frame that is compressed.
func (s *Compression) ForTails(compressed func()) *TailCompressor {
	return &TailCompressor{s, compressed}
}

// Reach is how many bytes of text before it a frame may repeat.
func (*TailCompressor) Reach() int { return deflate.HistorySize }

// Text returns what a frame delivers, and nothing where that is too short to be compressed.
func (c *TailCompressor) Text(frame []byte) []byte {
	if text := payload(frame); int64(len(text)) >= c.shared.minBytes {
		return text
	}
	return nil
}

// AppendCompressed appends a frame that delivers the same compressed. It may repeat the last of before.
func (c *TailCompressor) AppendCompressed(dst, before, frame []byte) []byte {
	c.compressed()
	dst, mark := beginFrame(dst)
	dst = c.shared.deflaters.AppendShared(dst, before, payload(frame))
	return endFrame(dst, mark, opcode(frame[0]&opcodeBits)|compressedBit)
}
