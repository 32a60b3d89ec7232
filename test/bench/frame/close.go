package frame

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// ErrClosed tells that the proxy has closed the connection.
var ErrClosed = errors.New("the proxy closed the connection")

// Closed returns the error, which wraps [ErrClosed], of a close frame with this payload.
func Closed(payload []byte) error {
	if len(payload) < 2 {
		return ErrClosed
	}
	return fmt.Errorf("%w with %d: %s", ErrClosed, binary.BigEndian.Uint16(payload), payload[2:])
}
