package codec

import (
	"encoding/base64"
	"strconv"
	"unicode/utf8"
)

func appendInt(dst []byte, n int64) []byte { return strconv.AppendInt(dst, n, 10) }

// maxIntText is the length of the longest text that appendInt appends.
const maxIntText = 20

// digits keeps the last number and its digits: the timestamps of records that came together are often equal.
type digits struct {
	number int64
	text   []byte // nil before the first number
}

// of returns the digits of n, until the next call.
func (d *digits) of(n int64) []byte {
	if n != d.number || d.text == nil {
		d.number, d.text = n, appendInt(d.text[:0], n)
	}
	return d.text
}

// appendQuoted appends s as a JSON string with no more escapes than RFC 8259 asks for. Bytes
// that are not UTF-8 become U+FFFD.
func appendQuoted[T string | []byte](dst []byte, s T) []byte {
	dst = append(dst, '"')
	begin := len(dst)
	dst = append(dst, s...)
	if plainEnd(dst, begin) < len(dst) {
		dst = appendEscaped(dst[:begin], s)
	}
	return append(dst, '"')
}

func appendEscaped[T string | []byte](dst []byte, s T) []byte {
	begin := 0 // of the bytes that need no escape
	for i := 0; i < len(s); {
		c := s[i]
		if isPlain(c) {
			i++
			continue
		}
		size, valid := 1, false
		if c >= utf8.RuneSelf {
			var r rune
			r, size = utf8.DecodeRuneInString(string(s[i:min(i+utf8.UTFMax, len(s))]))
			valid = r != utf8.RuneError || size > 1
		}
		if !valid {
			dst = append(dst, s[begin:i]...)
			dst = appendEscape(dst, c)
			begin = i + size
		}
		i += size
	}
	return append(dst, s[begin:]...)
}

func appendEscape(dst []byte, c byte) []byte {
	const hex = "0123456789abcdef"
	switch c {
	case '"', '\\':
		return append(dst, '\\', c)
	case '\b':
		return append(dst, `\b`...)
	case '\f':
		return append(dst, `\f`...)
	case '\n':
		return append(dst, `\n`...)
	case '\r':
		return append(dst, `\r`...)
	case '\t':
		return append(dst, `\t`...)
	}
	if c >= utf8.RuneSelf {
		return utf8.AppendRune(dst, utf8.RuneError)
	}
	return append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&0xf])
}

// appendQuotedBase64 appends b as a JSON string of base64.
func appendQuotedBase64(dst, b []byte) []byte {
	dst = append(dst, '"')
	dst = base64.StdEncoding.AppendEncode(dst, b)
	return append(dst, '"')
}
