package socket

import "encoding/binary"

// opcode is the type of a WebSocket frame (RFC 6455, section 5.2).
type opcode byte

const (
	opContinuation opcode = 0x0
	opText         opcode = 0x1
	opBinary       opcode = 0x2
	opClose        opcode = 0x8
	opPing         opcode = 0x9
	opPong         opcode = 0xA

	finalFragment = 0x80
	maskBit       = 0x80 // of the byte that has the length
	length16      = 126
	length64      = 127

	maxControlPayload = 125
	// frameReserve is the room left before a payload for its header: two bytes and a
	// 16-bit length, which fits most messages without moving them.
	frameReserve = 4
)

// beginFrame reserves the header of a frame in dst. The payload is appended after it, then
// endFrame is called with the same mark. A server's frames are not masked (RFC 6455,
// section 5.1), so that the payload is sent as it was appended.
func beginFrame(dst []byte) (buf []byte, mark int) {
	return append(dst, 0, 0, 0, 0), len(dst)
}

// endFrame writes the header of the frame begun at mark, moving the payload where the
// header is shorter or longer than the room reserved.
func endFrame(dst []byte, mark int, op opcode) []byte {
	start := mark + frameReserve
	n := len(dst) - start
	switch {
	case n < length16:
		copy(dst[mark+2:], dst[start:])
		dst = dst[:mark+2+n]
		dst[mark+1] = byte(n)
	case n <= 0xFFFF:
		dst[mark+1] = length16
		binary.BigEndian.PutUint16(dst[mark+2:], uint16(n))
	default:
		dst = append(dst, 0, 0, 0, 0, 0, 0)
		copy(dst[mark+10:], dst[start:start+n])
		dst[mark+1] = length64
		binary.BigEndian.PutUint64(dst[mark+2:], uint64(n))
	}
	dst[mark] = finalFragment | byte(op)
	return dst
}

// endFragment is endFrame for a fragment that is not the last one of its message.
func endFragment(dst []byte, mark int, op opcode) []byte {
	dst = endFrame(dst, mark, op)
	dst[mark] &^= finalFragment
	return dst
}

// appendFrame appends a whole frame with the given payload.
func appendFrame(dst []byte, op opcode, payload []byte) []byte {
	dst, mark := beginFrame(dst)
	return endFrame(append(dst, payload...), mark, op)
}

// appendClose appends a close frame. A reason that is too long for a control frame is cut
// at a character boundary.
func appendClose(dst []byte, code uint16, reason string) []byte {
	dst, mark := beginFrame(dst)
	dst = binary.BigEndian.AppendUint16(dst, code)
	dst = append(dst, cutUTF8(reason, maxControlPayload-2)...)
	return endFrame(dst, mark, opClose)
}

// cutUTF8 returns the longest prefix of s that has at most n bytes and ends between two
// characters.
func cutUTF8(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && s[n]&0xC0 == 0x80 {
		n--
	}
	return s[:n]
}
