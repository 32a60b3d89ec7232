package codec

import (
	"encoding/binary"
	"math/bits"
	"unicode/utf16"
	"unicode/utf8"
)

// quoted reads a string, at whose opening quote pos is, into t.
func (s *scanner) quoted(t *token) bool {
	*t = token{start: s.pos, kind: kindString}
	i := s.pos + 1
	for {
		if i = plainEnd(s.data, i); i == len(s.data) {
			s.pos = i
			return s.fail("it ends inside a string")
		}
		var ok bool
		switch c := s.data[i]; {
		case c == '"':
			t.end = i + 1
			s.pos = t.end
			return true
		case c == '\\':
			t.escaped = true
			i, ok = s.escape(i, t)
		case c < ' ':
			ok = s.fail("a string holds a control character, which must be escaped")
		default:
			i, ok = s.multibyte(i)
		}
		if !ok {
			s.pos = i
			return false
		}
	}
}

const (
	everyByte = 0x0101010101010101
	topBits   = 0x8080808080808080
)

// plainEnd returns the end of the characters from i on that need no special handling when they
// are read or written as part of a string: ASCII without control characters, quotes and
// backslashes.
func plainEnd(data []byte, i int) int {
	if i+8 <= len(data) { // most strings are short
		if found := special(data[i : i+8 : i+8]); found != 0 {
			return i + bits.TrailingZeros64(found)/8
		}
		i += 8
	}
	for ; i+32 <= len(data); i += 32 { // one branch for four words
		four := data[i : i+32 : i+32]
		if special(four[:8])|special(four[8:16])|special(four[16:24])|special(four[24:]) != 0 {
			break
		}
	}
	for ; i+8 <= len(data); i += 8 {
		if found := special(data[i : i+8 : i+8]); found != 0 {
			return i + bits.TrailingZeros64(found)/8
		}
	}
	for i < len(data) && isPlain(data[i]) {
		i++
	}
	return i
}

// special returns a word of which the lowest bit that is set is in the first of eight bytes that is not plain. None
// is set if all are.
//
// A subtraction sets a byte's top bit where the byte was below the subtrahend. A borrow can set higher bytes'
// bits wrongly, but the lowest bit that is set is right, and so is none.
func special(eight []byte) uint64 {
	w := binary.LittleEndian.Uint64(eight)
	return topBits & ((w - ' '*everyByte) | ((w ^ '"'*everyByte) - everyByte) | ((w ^ '\\'*everyByte) - everyByte) | w)
}

func isPlain(c byte) bool {
	return c >= ' ' && c < utf8.RuneSelf && c != '"' && c != '\\'
}

// escape checks the escape at i and returns where it ends. It notes a surrogate without its
// other half in t.
func (s *scanner) escape(i int, t *token) (int, bool) {
	switch s.at(i + 1) {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return i + 2, true
	case 'u':
	default:
		return i, s.fail("a string holds an unknown escape")
	}
	r, ok := escapedUnit(s.data, i)
	if !ok {
		return i, s.fail(`a string holds a \u without four hexadecimal digits`)
	}
	if !utf16.IsSurrogate(r) {
		return i + 6, true
	}
	if low, ok := escapedUnit(s.data, i+6); ok && utf16.DecodeRune(r, low) != utf8.RuneError {
		return i + 12, true
	}
	t.lone = true
	return i + 6, true
}

// escapedUnit returns the UTF-16 code unit of the \uXXXX at i, if there is one.
func escapedUnit(data []byte, i int) (unit rune, ok bool) {
	if i+6 > len(data) || data[i] != '\\' || data[i+1] != 'u' {
		return 0, false
	}
	for _, c := range data[i+2 : i+6] {
		switch {
		case '0' <= c && c <= '9':
			c -= '0'
		case 'a' <= c && c <= 'f':
			c -= 'a' - 10
		case 'A' <= c && c <= 'F':
			c -= 'A' - 10
		default:
			return 0, false
		}
		unit = unit<<4 | rune(c)
	}
	return unit, true
}

// multibyte returns the end of the characters beyond ASCII that begin at i.
func (s *scanner) multibyte(i int) (int, bool) {
	for i < len(s.data) && s.data[i] >= utf8.RuneSelf {
		r, size := utf8.DecodeRune(s.data[i:])
		if r == utf8.RuneError && size == 1 {
			return i, s.fail("a string is not UTF-8")
		}
		i += size
	}
	return i, true
}

// text returns the content of string t, without copying where it holds no escapes.
func (s *scanner) text(t *token) []byte {
	content := s.data[t.start+1 : t.end-1]
	if !t.escaped {
		return content
	}
	return appendUnescaped(make([]byte, 0, len(content)), content)
}

// appendUnescaped appends the content of a string that a scanner accepted, which is never
// longer than its text. A surrogate without its other half becomes U+FFFD.
func appendUnescaped(dst, content []byte) []byte {
	for i := 0; i < len(content); {
		c := content[i]
		if c != '\\' {
			dst = append(dst, c)
			i++
			continue
		}
		if c = content[i+1]; c != 'u' {
			dst = append(dst, unescape(c))
			i += 2
			continue
		}
		r, _ := escapedUnit(content, i)
		i += 6
		if low, ok := escapedUnit(content, i); ok && utf16.IsSurrogate(r) {
			if pair := utf16.DecodeRune(r, low); pair != utf8.RuneError {
				r = pair
				i += 6
			}
		}
		dst = utf8.AppendRune(dst, r)
	}
	return dst
}

func unescape(c byte) byte {
	switch c {
	case 'b':
		return '\b'
	case 'f':
		return '\f'
	case 'n':
		return '\n'
	case 'r':
		return '\r'
	case 't':
		return '\t'
	}
	return c
}
