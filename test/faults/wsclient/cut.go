package wsclient

import "fmt"

// Cut is a place inside a message at which a client can fall silent.
type Cut int

// The places. A message of at least two bytes has all of them.
const (
	InHeader         Cut = iota // after the first byte
	InLength                    // in the middle of the extended length
	InMask                      // after two bytes of the mask
	BeforePayload               // the header is whole
	InPayload                   // after half of it
	BetweenFragments            // after the first of two frames
	InSecondFragment            // after half of the second
	Cuts                        // how many places there are
)

// String implements fmt.Stringer.
func (c Cut) String() string {
	return [...]string{
		"in the header", "in the length", "in the mask", "before the payload", "in the payload",
		"between fragments", "in the second fragment",
	}[c]
}

// SendUntil sends a text message up to the place, and nothing more.
func (c *Conn) SendUntil(payload []byte, place Cut) error {
	part, err := until(payload, place)
	if err != nil {
		return err
	}
	return c.write(part)
}

// until returns what is sent of a message up to the place.
func until(payload []byte, place Cut) ([]byte, error) {
	if len(payload) < 2 {
		return nil, fmt.Errorf("a message of %d bytes cannot be cut", len(payload))
	}
	frame := AppendFrame(nil, Text, true, newMask(), payload)
	header := len(frame) - len(payload)
	fragments := appendFragments(nil, payload, 2)
	first := len(AppendFrame(nil, Text, false, newMask(), payload[:len(payload)/2]))
	switch place {
	case InHeader:
		return frame[:1], nil
	case InLength:
		return frame[:max(2, (2+header-maskSize)/2)], nil
	case InMask:
		return frame[:header-2], nil
	case BeforePayload:
		return frame[:header], nil
	case InPayload:
		return frame[:header+len(payload)/2], nil
	case BetweenFragments:
		return fragments[:first], nil
	default:
		return fragments[:first+(len(fragments)-first)/2], nil
	}
}
