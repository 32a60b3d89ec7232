package codec

import (
	"unicode/utf8"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// AppendKeyText appends the text of a key that is not null: what a client sees as the key's value, of a string without
// its quotes and escapes. format is that of keys, FormatNone where none was given; avro tells which payload is used.
// Of json the text is what the record holds. A key that does not fit its format is in base64, as it is delivered.
func AppendKeyText(dst, key []byte, format proxy.Format, avro bool) []byte {
	switch {
	case format == proxy.FormatNone && avro:
		format = proxy.FormatByteArray
	case format == proxy.FormatNone && utf8.Valid(key):
		format = proxy.FormatString
	case format == proxy.FormatNone:
		format = proxy.FormatByteArray
	}
	if format == proxy.FormatString && utf8.Valid(key) {
		return append(dst, key...)
	}
	begin := len(dst)
	dst, complaint := appendBytes(dst, format, key, &OutSettings{MaxDepth: orDefaultDepth(0)})
	if complaint != "" {
		dst = appendQuotedBase64(dst[:begin], key)
	}
	if text, isString := JSONText(dst[begin:]); isString {
		return append(dst[:begin], text...)
	}
	return dst
}
