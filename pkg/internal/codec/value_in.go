package codec

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"math"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// The complaints about a value that does not fit its format.
const (
	notAString  = "is not a string"
	notBase64   = "is not a string of base64 in the standard alphabet with padding"
	notAnInt    = "is not an integer from -2147483648 to 2147483647"
	notAShort   = "is not an integer from -32768 to 32767"
	notALong    = "is not an integer from -9223372036854775808 to 9223372036854775807"
	notADouble  = `is not a number within a double's range, "NaN", "Infinity" or "-Infinity"`
	notAFloat   = `is not a number within a float's range, "NaN", "Infinity" or "-Infinity"`
	isSurrogate = "holds half of a surrogate pair, which is not a character"
)

// sizeOf returns how many bytes appendValue appends at most.
func sizeOf(f proxy.Format, t *token) int {
	if t.kind == kindNull {
		return 0
	}
	switch f {
	case proxy.FormatShort:
		return 2
	case proxy.FormatInt, proxy.FormatFloat:
		return 4
	case proxy.FormatLong, proxy.FormatDouble:
		return 8
	case proxy.FormatByteArray, proxy.FormatAvro:
		return base64.StdEncoding.DecodedLen(max(0, t.end-t.start-2))
	case proxy.FormatJSON:
		return t.end - t.start
	default:
		return max(0, t.end-t.start-2)
	}
}

// appendValue appends the bytes that the value t, which is not null, has in format f. Where
// it does not fit, complaint says what is wrong with it.
func appendValue(dst []byte, f proxy.Format, s *scanner, t *token) (extended []byte, complaint string) {
	switch f {
	case proxy.FormatJSON:
		if t.tooDeep {
			return dst, fmt.Sprintf("is nested deeper than %d", s.maxDepth)
		}
		return append(dst, s.raw(t)...), ""
	case proxy.FormatByteArray, proxy.FormatAvro:
		return appendBase64(dst, s, t)
	case proxy.FormatShort:
		n, ok := integer(s, t)
		return binary.BigEndian.AppendUint16(dst, uint16(n)), unless(ok && n == int64(int16(n)), notAShort)
	case proxy.FormatInt:
		n, ok := integer(s, t)
		return binary.BigEndian.AppendUint32(dst, uint32(n)), unless(ok && n == int64(int32(n)), notAnInt)
	case proxy.FormatLong:
		n, ok := long(s, t)
		return binary.BigEndian.AppendUint64(dst, uint64(n)), unless(ok, notALong)
	case proxy.FormatDouble:
		x, ok := float(s, t, 64)
		return binary.BigEndian.AppendUint64(dst, math.Float64bits(x)), unless(ok, notADouble)
	case proxy.FormatFloat:
		x, ok := float(s, t, 32)
		return binary.BigEndian.AppendUint32(dst, math.Float32bits(float32(x))), unless(ok, notAFloat)
	default:
		return appendString(dst, s, t)
	}
}

// javaNaN is Double.NaN of Java, which Java clients write. Go's own differs in the last bit.
const javaNaN = 0x7ff8 << 48

func unless(fits bool, complaint string) string {
	if fits {
		return ""
	}
	return complaint
}

func appendString(dst []byte, s *scanner, t *token) (extended []byte, complaint string) {
	switch {
	case t.kind != kindString:
		return dst, notAString
	case t.lone:
		return dst, isSurrogate
	}
	content := s.data[t.start+1 : t.end-1]
	if t.escaped {
		return appendUnescaped(dst, content), ""
	}
	return append(dst, content...), ""
}

func appendBase64(dst []byte, s *scanner, t *token) (extended []byte, complaint string) {
	if t.kind != kindString {
		return dst, notBase64
	}
	text := s.text(t)
	// Go's decoder skips line ends, which are in JSON strings only as escapes.
	if t.escaped && bytes.ContainsAny(text, "\r\n") {
		return dst, notBase64
	}
	end := len(dst) + base64.StdEncoding.DecodedLen(len(text))
	n, err := base64.StdEncoding.Strict().Decode(dst[len(dst):end], text)
	if err != nil {
		return dst, notBase64
	}
	return dst[:len(dst)+n], ""
}

func integer(s *scanner, t *token) (n int64, ok bool) {
	if t.kind != kindNumber {
		return 0, false
	}
	return ParseInteger(s.raw(t))
}

// long also takes a number in a string, since JavaScript rounds numbers beyond 2^53.
func long(s *scanner, t *token) (n int64, ok bool) {
	if t.kind != kindString {
		return integer(s, t)
	}
	quoted := scanner{data: s.text(t)}
	var number token
	if !quoted.number(&number) || number.end != len(quoted.data) {
		return 0, false
	}
	return ParseInteger(quoted.data)
}

// float reads a double or, with 32 bits, a float. A number that is too large does not fit, one
// that is too small becomes 0.
func float(s *scanner, t *token, bits int) (x float64, ok bool) {
	switch t.kind {
	case kindNumber:
		return parseFloat(s.raw(t), bits)
	case kindString:
		switch string(s.text(t)) {
		case "NaN":
			return math.Float64frombits(javaNaN), true
		case "Infinity":
			return math.Inf(1), true
		case "-Infinity":
			return math.Inf(-1), true
		}
	}
	return 0, false
}
