package feed

import (
	"bytes"
	"cmp"
	"strconv"
	"strings"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/codec"
)

// scalar is a JSON value that is compared. Arrays and objects equal nothing.
type scalar struct {
	kind   scalarKind
	text   string // of a string
	number number
}

type scalarKind uint8

const (
	aComposite scalarKind = iota
	aNull
	aFalse
	aTrue
	aNumber
	aString
)

// scalarOf reads a JSON value, of which raw is all.
func scalarOf(raw []byte) scalar {
	switch raw[0] {
	case '"':
		content, _ := codec.JSONText(raw)
		return scalar{kind: aString, text: string(content)}
	case '{', '[':
		return scalar{}
	case 'n':
		return scalar{kind: aNull}
	case 't':
		return scalar{kind: aTrue}
	case 'f':
		return scalar{kind: aFalse}
	}
	n, _ := numberOf(string(raw))
	return scalar{kind: aNumber, number: n}
}

// scalarOfHeader reads the value of a header, which is a string, and the number that it spells.
func scalarOfHeader(value []byte) scalar {
	if value == nil {
		return scalar{kind: aNull}
	}
	s := scalar{kind: aString, text: string(value)}
	s.number, _ = numberOf(s.text)
	return s
}

func (s scalar) equals(other scalar) bool {
	if s.kind != other.kind || s.kind == aComposite {
		return false
	}
	switch s.kind {
	case aNumber:
		return s.number.compare(other.number) == 0
	case aString:
		return s.text == other.text
	}
	return true
}

// number is a JSON number: whole ones of 64 bits are exact.
type number struct {
	is    bool
	whole bool
	int   int64
	float float64
}

// numberOf reads a number as JSON spells it.
func numberOf(text string) (number, bool) {
	if !codec.IsJSON([]byte(text), 1) || strings.ContainsAny(text[:1], `"{[ntf`) {
		return number{}, false
	}
	trimmed := string(bytes.TrimSpace([]byte(text)))
	if n, err := strconv.ParseInt(trimmed, 10, 64); err == nil {
		return number{is: true, whole: true, int: n, float: float64(n)}, true
	}
	f, _ := strconv.ParseFloat(trimmed, 64) // beyond its range it is infinite
	return number{is: true, float: f}, true
}

func (n number) compare(other number) int {
	if n.whole && other.whole {
		return cmp.Compare(n.int, other.int)
	}
	return cmp.Compare(n.float, other.float)
}
