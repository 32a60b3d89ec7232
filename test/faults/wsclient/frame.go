package wsclient

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// Opcode is the type of a frame (RFC 6455, section 5.2).
type Opcode byte

// The opcodes.
const (
	Continuation Opcode = 0x0
	Text         Opcode = 0x1
	Binary       Opcode = 0x2
	Close        Opcode = 0x8
	Ping         Opcode = 0x9
	Pong         Opcode = 0xA
)

const (
	finalBit  = 0x80
	maskBit   = 0x80
	length16  = 126
	length64  = 127
	maskSize  = 4
	maxLength = 64 << 20
)

// Frame is one frame of a server.
type Frame struct {
	Opcode  Opcode
	Final   bool
	Payload []byte
}

// AppendFrame appends a masked frame, as clients send them.
func AppendFrame(dst []byte, op Opcode, final bool, mask [maskSize]byte, payload []byte) []byte {
	first := byte(op)
	if final {
		first |= finalBit
	}
	dst = append(dst, first)
	switch n := len(payload); {
	case n < length16:
		dst = append(dst, maskBit|byte(n))
	case n <= 0xFFFF:
		dst = binary.BigEndian.AppendUint16(append(dst, maskBit|length16), uint16(n))
	default:
		dst = binary.BigEndian.AppendUint64(append(dst, maskBit|length64), uint64(n))
	}
	dst = append(dst, mask[:]...)
	for i, b := range payload {
		dst = append(dst, b^mask[i%maskSize])
	}
	return dst
}

var errServerFrame = errors.New("the server broke RFC 6455")

// readFrame reads a frame and checks what the RFC demands of a server.
func readFrame(r *bufio.Reader) (Frame, error) {
	var head [2]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return Frame{}, err
	}
	f := Frame{Opcode: Opcode(head[0] & 0x0F), Final: head[0]&finalBit != 0}
	switch {
	case head[0]&0x70 != 0:
		return f, fmt.Errorf("%w: reserved bits are set", errServerFrame)
	case head[1]&maskBit != 0:
		return f, fmt.Errorf("%w: a frame is masked", errServerFrame)
	case f.Opcode >= Close && (!f.Final || head[1] >= length16):
		return f, fmt.Errorf("%w: a control frame is long or fragmented", errServerFrame)
	}
	n, err := readLength(r, head[1])
	if err != nil {
		return f, err
	}
	f.Payload = make([]byte, n)
	_, err = io.ReadFull(r, f.Payload)
	return f, err
}

func readLength(r *bufio.Reader, short byte) (uint64, error) {
	var b [8]byte
	var n uint64
	switch short {
	case length16:
		if _, err := io.ReadFull(r, b[:2]); err != nil {
			return 0, err
		}
		n = uint64(binary.BigEndian.Uint16(b[:]))
	case length64:
		if _, err := io.ReadFull(r, b[:]); err != nil {
			return 0, err
		}
		n = binary.BigEndian.Uint64(b[:])
	default:
		return uint64(short), nil
	}
	if short == length16 && n < length16 || short == length64 && n <= 0xFFFF || n > maxLength {
		return 0, fmt.Errorf("%w: the length %d is not the shortest form, or too long", errServerFrame, n)
	}
	return n, nil
}
