package socket

import (
	"encoding/binary"
	"math"
	"math/bits"
)

const (
	reservedBits = 0x70 // of a header's first byte: extensions use them
	opcodeBits   = 0x0F
	controlBit   = 0x08 // of an opcode
	maskSize     = 4
	// maxHeader is the size of the longest header.
	maxHeader = 2 + 8 + maskSize
)

// header is the header of a frame from a client (RFC 6455, section 5.2).
type header struct {
	op     opcode
	final  bool   // whether it is the last frame of its message
	length int64  // of the payload
	mask   uint32 // the mask's first byte is the lowest
	size   int    // of the header itself

	compressed bool // whether its message is; only the first frame of a message says so
}

// isControl tells whether the frame is a close frame, a ping or a pong.
func (op opcode) isControl() bool { return op&controlBit != 0 }

// parseHeader parses the header at the beginning of buf. The header's size is 0 if buf ends within it.
// violation says which rule of RFC 6455 the header breaks, and is found as early as the bytes show it.
// allowed are the reserved bits that a negotiated extension uses: compressedBit, or none.
func parseHeader(buf []byte, allowed byte) (h header, violation string) {
	if len(buf) < 2 {
		return header{}, ""
	}
	first, second := buf[0], buf[1]
	if violation := checkHeader(first, second, allowed); violation != "" {
		return header{}, violation
	}
	length, size := uint64(second&^maskBit), 2
	switch length {
	case length16:
		if size += 2; len(buf) >= size {
			length = uint64(binary.BigEndian.Uint16(buf[2:]))
		}
	case length64:
		if size += 8; len(buf) >= size {
			length = binary.BigEndian.Uint64(buf[2:])
		}
	}
	if length > math.MaxInt64 {
		return header{}, "The length of a frame is negative (RFC 6455, section 5.2)."
	}
	if size += maskSize; len(buf) < size {
		return header{}, ""
	}
	return header{
		op: opcode(first & opcodeBits), final: first&finalFragment != 0,
		length: int64(length), mask: binary.LittleEndian.Uint32(buf[size-maskSize:]), size: size,
		compressed: first&compressedBit != 0,
	}, ""
}

// checkHeader returns which rule the first two bytes of a header break.
func checkHeader(first, second, allowed byte) (violation string) {
	op, length := opcode(first&opcodeBits), second&^maskBit
	switch {
	case first&reservedBits&^allowed != 0:
		return "A frame has a reserved bit that no negotiated extension uses (RFC 6455, section 5.2)."
	case second&maskBit == 0:
		return "A frame is not masked (RFC 6455, section 5.1)."
	case op > opBinary && op < opClose || op > opPong:
		return "A frame has an unknown opcode (RFC 6455, section 5.2)."
	case first&compressedBit != 0 && op != opText && op != opBinary:
		return "A frame that begins no message is marked as compressed (RFC 7692, section 6.1)."
	case op.isControl() && first&finalFragment == 0:
		return "A control frame is fragmented (RFC 6455, section 5.5)."
	case op.isControl() && length > maxControlPayload:
		return "A control frame is longer than 125 bytes (RFC 6455, section 5.5)."
	}
	return ""
}

// unmask removes a mask from a payload (RFC 6455, section 5.3).
func unmask(payload []byte, mask uint32) {
	wide := uint64(mask)<<32 | uint64(mask)
	for len(payload) >= 8 {
		binary.LittleEndian.PutUint64(payload, binary.LittleEndian.Uint64(payload)^wide)
		payload = payload[8:]
	}
	for i := range payload {
		payload[i] ^= byte(mask)
		mask = bits.RotateLeft32(mask, -8)
	}
}

// checkClose returns which rule the payload of a close frame breaks (RFC 6455, sections 5.5.1 and 7.4).
func checkClose(payload []byte) (violation string) {
	if len(payload) == 1 {
		return "A close frame has half a code (RFC 6455, section 5.5.1)."
	}
	if len(payload) > 0 && !maySend(binary.BigEndian.Uint16(payload)) {
		return "A close frame has a code that must not be sent (RFC 6455, section 7.4)."
	}
	return ""
}

// maySend tells whether a close frame may have the code: those of the RFC and of IANA's registry, without the
// ones that stand for the lack of a code, and those of libraries and applications.
func maySend(code uint16) bool {
	switch {
	case 1000 <= code && code <= 1003, 1007 <= code && code <= 1014, 3000 <= code && code <= 4999:
		return true
	}
	return false
}
