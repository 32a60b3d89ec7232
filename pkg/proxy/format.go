package proxy

import (
	"fmt"
	"strings"
)

// Format is the mapping between the bytes of a key or a value in Kafka and what a client sends
// and receives.
type Format uint8

// The format types of the wire protocol. The comment gives the bytes in Kafka and the
// JSON type on the socket.
const (
	FormatNone      Format = iota // not given
	FormatJSON                    // UTF-8 JSON text; any JSON value
	FormatAvro                    // bytes as given; base64 string
	FormatByteArray               // bytes as given; base64 string
	FormatString                  // UTF-8; string
	FormatInt                     // 4 bytes big-endian; number
	FormatShort                   // 2 bytes big-endian; number
	FormatLong                    // 8 bytes big-endian; number, or a decimal string on input
	FormatDouble                  // 8 bytes IEEE-754 big-endian; number or "NaN", "Infinity", "-Infinity"
	FormatFloat                   // 4 bytes IEEE-754 big-endian; as double
	formatCount
)

// FormatNames lists the names that a user may write, for error messages.
const FormatNames = "json, avro, bytearray, string, int, short, long, double, float"

// String returns the name of f in lower case, as it is written on the wire.
func (f Format) String() string {
	switch f { // a table would be built anew for each of two calls a record
	case FormatNone:
		return ""
	case FormatJSON:
		return "json"
	case FormatAvro:
		return "avro"
	case FormatByteArray:
		return "bytearray"
	case FormatString:
		return "string"
	case FormatInt:
		return "int"
	case FormatShort:
		return "short"
	case FormatLong:
		return "long"
	case FormatDouble:
		return "double"
	case FormatFloat:
		return "float"
	}
	return fmt.Sprintf("format(%d)", uint8(f))
}

// ParseFormat reads a format name without regard to case. "byte_array" is an accepted
// spelling of bytearray.
func ParseFormat(name string) (Format, error) {
	if strings.EqualFold(name, "byte_array") {
		return FormatByteArray, nil
	}
	for f := FormatJSON; f < formatCount; f++ {
		if strings.EqualFold(name, f.String()) {
			return f, nil
		}
	}
	return FormatNone, fmt.Errorf("unknown format %q: use one of %s", name, FormatNames)
}
