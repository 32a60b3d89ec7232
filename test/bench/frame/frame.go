// Package frame is what a load client knows of the frames of WebSockets, RFC 6455, section 5.2.
package frame

import (
	"bufio"
	"encoding/binary"
	"fmt"
)

// The opcodes.
const (
	Text   = 0x1
	Binary = 0x2
	Close  = 0x8
	Ping   = 0x9
	Pong   = 0xA
)

const (
	final    = 0x80
	masked   = 0x80
	length16 = 126
	length64 = 127
)

// Append appends a frame of a client. Its mask is a fixed one: the proxy's work is the
// same with any.
func Append(dst []byte, op byte, payload []byte) []byte {
	mask := [4]byte{0x37, 0xfa, 0x21, 0x3d}
	dst = append(dst, final|op)
	switch n := len(payload); {
	case n < length16:
		dst = append(dst, masked|byte(n))
	case n <= 0xFFFF:
		dst = binary.BigEndian.AppendUint16(append(dst, masked|length16), uint16(n))
	default:
		dst = binary.BigEndian.AppendUint64(append(dst, masked|length64), uint64(n))
	}
	dst = append(dst, mask[:]...)
	for i, c := range payload {
		dst = append(dst, c^mask[i%4])
	}
	return dst
}

// Read reads a whole frame of a server. The payload lies in r's buffer, which must have
// room for the frame: it is valid until the next read.
func Read(r *bufio.Reader) (op byte, payload []byte, err error) {
	start, err := r.Peek(2)
	if err != nil {
		return 0, nil, err
	}
	if start, err = r.Peek(headLength(start[1])); err != nil {
		return 0, nil, err
	}
	h, err := parse(start)
	if err != nil {
		return 0, nil, err
	}
	if h.payload > uint64(r.Size()-h.length) {
		return 0, nil, fmt.Errorf("a frame of %d bytes is not expected", h.payload)
	}
	whole, err := r.Peek(h.length + int(h.payload))
	if err != nil {
		return 0, nil, err
	}
	_, err = r.Discard(len(whole))
	return h.op, whole[h.length:], err
}
