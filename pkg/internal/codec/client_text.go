package codec

import (
	"bytes"
	"encoding/base64"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// ParseText returns the bytes that a text stands for in a format, as somebody types it: a number, base64, or for all other formats the text
// itself.
func ParseText(f proxy.Format, text []byte) ([]byte, *proxy.Error) {
	switch f {
	case proxy.FormatNone, proxy.FormatString, proxy.FormatJSON:
		return text, nil
	case proxy.FormatShort, proxy.FormatInt, proxy.FormatLong, proxy.FormatDouble, proxy.FormatFloat:
		text = quotedUnlessNumber(text)
	case proxy.FormatByteArray, proxy.FormatAvro:
		text = quotedText(text)
	}
	s := scanner{data: text, maxDepth: anyDepth}
	var t token
	if !s.value(&t) || !s.end() {
		return nil, proxy.Errorf(proxy.KindInvalidValue, "%s is not of format %s", excerpt(text), f)
	}
	b, complaint := appendValue(make([]byte, 0, sizeOf(f, &t)), f, &s, &t)
	if complaint != "" {
		return nil, proxy.Errorf(proxy.KindInvalidValue, "%s does not fit format %s: it %s", excerpt(text), f, complaint)
	}
	return b, nil
}

// quotedUnlessNumber quotes NaN and Infinity, which are strings in JSON.
func quotedUnlessNumber(text []byte) []byte {
	if len(text) > 0 && bytes.IndexByte([]byte("-0123456789"), text[0]) >= 0 && !bytes.Equal(text, []byte("-Infinity")) {
		return text
	}
	return quotedText(text)
}

func quotedText(text []byte) []byte { return appendQuoted(nil, text) }

// AppendText appends bytes as ParseText takes them. Those that do not fit the format go out as they are.
func AppendText(dst []byte, f proxy.Format, b []byte) []byte {
	switch f {
	case proxy.FormatShort, proxy.FormatInt, proxy.FormatLong, proxy.FormatDouble, proxy.FormatFloat:
		begin := len(dst)
		number, complaint := appendNumber(dst, f, b, false)
		if complaint != "" {
			return append(dst, b...)
		}
		return append(dst, bytes.Trim(number[begin:], `"`)...)
	case proxy.FormatByteArray, proxy.FormatAvro:
		return base64.StdEncoding.AppendEncode(dst, b)
	default:
		return append(dst, b...)
	}
}
