package main

import (
	"bufio"
	"encoding/binary"
	"fmt"
)

// What the load client knows of RFC 6455, section 5.2.
const (
	opText   = 0x1
	opBinary = 0x2
	opClose  = 0x8
	opPing   = 0x9
	opPong   = 0xA

	final    = 0x80
	masked   = 0x80
	length16 = 126
	length64 = 127
)

// appendFrame appends a frame of a client. Its mask is a fixed one: the proxy's work is the
// same with any.
func appendFrame(dst []byte, op byte, payload []byte) []byte {
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

// readFrame reads a whole frame of a server. The payload lies in r's buffer, which must have
// room for the frame: it is valid until the next read.
func readFrame(r *bufio.Reader) (op byte, payload []byte, err error) {
	head, err := r.Peek(2)
	if err != nil {
		return 0, nil, err
	}
	if head[0]&final == 0 || head[1]&masked != 0 {
		return 0, nil, fmt.Errorf("a frame begins with %x: fragments and masks are not expected", head)
	}
	op = head[0] & 0xF
	headLength, length := 2, uint64(head[1])
	switch length {
	case length16:
		headLength = 4
		if head, err = r.Peek(headLength); err != nil {
			return 0, nil, err
		}
		length = uint64(binary.BigEndian.Uint16(head[2:]))
	case length64:
		headLength = 10
		if head, err = r.Peek(headLength); err != nil {
			return 0, nil, err
		}
		length = binary.BigEndian.Uint64(head[2:])
	}
	if length > uint64(r.Size()-headLength) {
		return 0, nil, fmt.Errorf("a frame of %d bytes is not expected", length)
	}
	frame, err := r.Peek(headLength + int(length))
	if err != nil {
		return 0, nil, err
	}
	_, err = r.Discard(len(frame))
	return op, frame[headLength:], err
}
