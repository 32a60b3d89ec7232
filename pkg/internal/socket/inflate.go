package socket

import (
	"errors"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/deflate"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

const (
	// expansion is the share by which a message may be longer where it is compressed: zlib makes noise
	// longer by a 25th where it has the least memory, and by less than a 400th as clients use it.
	expansion = 16
	// leastExpansion is how many bytes the shortest messages may be longer.
	leastExpansion = 64
)

// longestPayload returns how long the payload of a message may be.
func (c *Conn) longestPayload(compressed bool) int64 {
	most := c.settings.MaxMessageBytes
	if compressed {
		most += most/expansion + leastExpansion
	}
	return most
}

// inflate returns the message that a payload is the compressed form of. It is valid as long as Read says. It
// is inflated again from its beginning where it turns out to be so long that room must be acquired for it: it
// cannot be known before, as ten bytes may inflate to ten thousand.
func (c *Conn) inflate(payload []byte) ([]byte, error) {
	most, err := c.settings.MaxMessageBytes, error(nil)
	if c.reserved == 0 {
		err = c.inflateUpTo(payload, min(most, keptMessageBuffer-1))
	}
	if c.reserved > 0 || errors.Is(err, deflate.ErrTooLong) && most >= keptMessageBuffer {
		if err := c.reserve(); err != nil {
			return nil, err
		}
		err = c.inflateUpTo(payload, most)
	}
	if err != nil {
		return nil, c.refuseCompressed(err)
	}
	c.message = reusableBuffer(c.message)
	c.reserveOnly(cap(c.extension.message))
	return c.extension.message, nil
}

func (c *Conn) inflateUpTo(payload []byte, most int64) (err error) {
	x := c.extension
	x.message, err = x.shared.inflaters.AppendInflated(x.message[:0], payload, most)
	return err //nolint:wrapcheck // the caller sees which kind it is
}

// refuseCompressed ends the connection for a message that cannot be inflated. RFC 7692 names no code for one
// that is corrupt. It is 1007, for content that is not what it is said to be: the frames break no rule.
func (c *Conn) refuseCompressed(err error) error {
	if errors.Is(err, deflate.ErrTooLong) {
		return c.refuseTooLong()
	}
	c.dropMessage()
	return c.refuse(proxy.CloseInvalidPayload, "A compressed message cannot be inflated (RFC 7692, section 7.2.2).")
}
