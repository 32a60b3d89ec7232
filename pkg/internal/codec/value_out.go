package codec

import (
	"encoding/binary"
	"math"
	"strconv"
	"unicode/utf8"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// The complaints about bytes that do not fit the requested format.
const (
	notTwoBytes   = "its length is not 2 bytes"
	notFourBytes  = "its length is not 4 bytes"
	notEightBytes = "its length is not 8 bytes"
	notUTF8       = "it is not UTF-8"
	notJSON       = "it is not JSON"
	isTooDeep     = "it is JSON nested too deep"
)

// appendBytes appends b, which is in format f, as JSON. Where b does not fit the format, it
// appends nothing, and complaint says why.
func appendBytes(dst []byte, f proxy.Format, b []byte, settings *OutSettings) (extended []byte, complaint string) {
	switch f {
	case proxy.FormatJSON:
		if complaint = checkJSON(b, settings.MaxDepth); complaint != "" {
			return dst, complaint
		}
		return append(dst, b...), ""
	case proxy.FormatByteArray, proxy.FormatAvro:
		return appendQuotedBase64(dst, b), ""
	case proxy.FormatShort, proxy.FormatInt, proxy.FormatLong, proxy.FormatDouble, proxy.FormatFloat:
		return appendNumber(dst, f, b, settings.LongsAsText)
	default:
		return appendIfUTF8(dst, b)
	}
}

func checkJSON(b []byte, maxDepth int) (complaint string) {
	s := scanner{data: b, maxDepth: maxDepth}
	var t token
	switch {
	case !s.value(&t) || !s.end():
		return notJSON
	case t.tooDeep:
		return isTooDeep
	}
	return ""
}

func appendIfUTF8(dst, b []byte) (extended []byte, complaint string) {
	begin := len(dst)
	dst = append(append(dst, '"'), b...)
	if end := plainEnd(dst, begin+1); end < len(dst) {
		rest := b[end-begin-1:] // what is before it is ASCII
		if !utf8.Valid(rest) {
			return dst[:begin], notUTF8
		}
		dst = appendEscaped(dst[:end], rest)
	}
	return append(dst, '"'), ""
}

func appendNumber(dst []byte, f proxy.Format, b []byte, longsAsText bool) (extended []byte, complaint string) {
	switch {
	case f == proxy.FormatShort && len(b) == 2:
		return appendInt(dst, int64(int16(binary.BigEndian.Uint16(b)))), ""
	case f == proxy.FormatShort:
		return dst, notTwoBytes
	case f == proxy.FormatInt && len(b) == 4:
		return appendInt(dst, int64(int32(binary.BigEndian.Uint32(b)))), ""
	case f == proxy.FormatFloat && len(b) == 4:
		return appendFloat(dst, float64(math.Float32frombits(binary.BigEndian.Uint32(b))), 32), ""
	case f == proxy.FormatInt, f == proxy.FormatFloat:
		return dst, notFourBytes
	case len(b) != 8:
		return dst, notEightBytes
	case f == proxy.FormatLong && longsAsText:
		return append(appendInt(append(dst, '"'), int64(binary.BigEndian.Uint64(b))), '"'), ""
	case f == proxy.FormatLong:
		return appendInt(dst, int64(binary.BigEndian.Uint64(b))), ""
	default:
		return appendFloat(dst, math.Float64frombits(binary.BigEndian.Uint64(b)), 64), ""
	}
}

// appendFloat appends the shortest number that reads back as x, spelled as JavaScript
// spells it (ECMA-262, Number::toString), save that -0 keeps its sign.
func appendFloat(dst []byte, x float64, bits int) []byte {
	switch {
	case math.IsNaN(x):
		return append(dst, `"NaN"`...)
	case math.IsInf(x, 1):
		return append(dst, `"Infinity"`...)
	case math.IsInf(x, -1):
		return append(dst, `"-Infinity"`...)
	}
	if abs := math.Abs(x); abs == 0 || (abs >= 1e-6 && abs < 1e21) {
		return strconv.AppendFloat(dst, x, 'f', -1, bits)
	}
	dst = strconv.AppendFloat(dst, x, 'e', -1, bits)
	if n := len(dst); dst[n-4] == 'e' && dst[n-2] == '0' { // e-07 to e-7
		dst[n-2] = dst[n-1]
		dst = dst[:n-1]
	}
	return dst
}
