package codec

import "bytes"

const badNumber = "a number is malformed"

// kind is the kind of a JSON value. Its zero value says that there is none.
type kind uint8

const (
	kindNone kind = iota
	kindNull
	kindBool
	kindNumber
	kindString
	kindArray
	kindObject
)

// token is a JSON value as a span of the scanned bytes. Tokens are passed by pointer: copying
// one right after it was written stalls the processor, which doubled the time of decoding a
// message.
type token struct {
	start, end int // string: the quotes included
	kind       kind
	escaped    bool // string: holds escapes
	lone       bool // string: holds an escaped surrogate without its other half
	tooDeep    bool // array, object: nested deeper than the scanner's maxDepth
}

// scanner reads JSON text strictly by RFC 8259 and yields spans of it. It neither recurses
// nor limits depth: nesting costs one bit per level. After a fault it reads nothing more.
type scanner struct {
	data     []byte
	pos      int
	maxDepth int
	fault    string // what is wrong at pos, empty while nothing is
}

func (s *scanner) fail(fault string) bool {
	s.fault = fault
	return false
}

func (s *scanner) failAt(i int, fault string) bool {
	s.pos = i
	return s.fail(fault)
}

// peek skips white space and returns the next byte, 0 at the end.
func (s *scanner) peek() byte {
	if s.pos < len(s.data) && s.data[s.pos] > ' ' {
		return s.data[s.pos]
	}
	return s.peekBeyondSpace()
}

func (s *scanner) peekBeyondSpace() byte {
	s.pos = s.spaceEnd(s.pos)
	return s.at(s.pos)
}

// spaceEnd returns where white space from i on ends.
func (s *scanner) spaceEnd(i int) int {
	for ; i < len(s.data); i++ {
		switch s.data[i] {
		case ' ', '\n', '\r', '\t':
		default:
			return i
		}
	}
	return i
}

// end reports whether only white space is left, and there was no fault.
func (s *scanner) end() bool {
	if s.fault != "" {
		return false
	}
	if s.peek(); s.pos < len(s.data) {
		return s.fail("more text follows its end")
	}
	return true
}

// value reads one value of any kind into t. It returns false at a fault; the contents of t are
// undefined then.
func (s *scanner) value(t *token) bool {
	c := s.peek()
	if c == '{' || c == '[' {
		return s.composite(t)
	}
	return s.scalar(c, t)
}

// skip reads one value of any kind and discards it.
func (s *scanner) skip() {
	var t token
	s.value(&t)
}

// scalar reads a value that begins with c and is neither array nor object.
func (s *scanner) scalar(c byte, t *token) bool {
	switch c {
	case '"':
		return s.quoted(t)
	case 'n':
		return s.literal("null", kindNull, t)
	case 't':
		return s.literal("true", kindBool, t)
	case 'f':
		return s.literal("false", kindBool, t)
	case '-', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9':
		return s.number(t)
	}
	if s.pos == len(s.data) {
		return s.fail("it ends where a value should be")
	}
	return s.fail("a value should be here")
}

func (s *scanner) literal(word string, k kind, t *token) bool {
	if !bytes.HasPrefix(s.data[s.pos:], []byte(word)) {
		return s.fail("a value should be here")
	}
	*t = token{start: s.pos, end: s.pos + len(word), kind: k}
	s.pos = t.end
	return true
}

// number reads a number, at whose first character pos is, into t.
func (s *scanner) number(t *token) bool {
	end, ok := s.numberEnd(s.pos)
	*t = token{start: s.pos, end: end, kind: kindNumber}
	s.pos = end
	return ok
}

// numberEnd returns the end of the number that begins at i, or where it is malformed.
func (s *scanner) numberEnd(i int) (end int, ok bool) {
	if s.at(i) == '-' {
		i++
	}
	whole := i
	if i = s.digits(i); i == whole || (s.data[whole] == '0' && i > whole+1) {
		return whole, s.failAt(whole, badNumber)
	}
	if s.at(i) == '.' {
		fraction := i + 1
		if i = s.digits(fraction); i == fraction {
			return i, s.failAt(i, badNumber)
		}
	}
	if c := s.at(i); c == 'e' || c == 'E' {
		if i++; s.at(i) == '+' || s.at(i) == '-' {
			i++
		}
		exponent := i
		if i = s.digits(i); i == exponent {
			return i, s.failAt(i, badNumber)
		}
	}
	return i, true
}

// at returns the byte at i, 0 beyond the end.
func (s *scanner) at(i int) byte {
	if i < len(s.data) {
		return s.data[i]
	}
	return 0
}

// digits returns the end of the digits that begin at i.
func (s *scanner) digits(i int) int {
	for i < len(s.data) && s.data[i]-'0' <= 9 {
		i++
	}
	return i
}

// raw returns the text of t as it was written.
func (s *scanner) raw(t *token) []byte { return s.data[t.start:t.end] }
