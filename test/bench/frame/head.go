package frame

import (
	"encoding/binary"
	"fmt"
)

// head is what a frame begins with.
type head struct {
	op      byte
	length  int    // of the head itself, in bytes
	payload uint64 // bytes that follow
}

// headLength is how long a server's head with this second byte is.
func headLength(second byte) int {
	switch second {
	case length16:
		return 4
	case length64:
		return 10
	}
	return 2
}

// parse reads a head of a server, of which all bytes must be there.
func parse(start []byte) (head, error) {
	if start[0]&final == 0 || start[1]&masked != 0 {
		return head{}, fmt.Errorf("a frame begins with %x: fragments and masks are not expected", start[:2])
	}
	h := head{op: start[0] & 0xF, length: headLength(start[1]), payload: uint64(start[1])}
	switch h.length {
	case 4:
		h.payload = uint64(binary.BigEndian.Uint16(start[2:]))
	case 10:
		h.payload = binary.BigEndian.Uint64(start[2:])
	}
	return h, nil
}
