package codec

import (
	"strconv"
	"strings"
)

// Pointer is a JSON pointer (RFC 6901), in its parts.
type Pointer []string

// ParsePointer reads a pointer such as /region/0. It returns false where the text is none.
func ParsePointer(text string) (Pointer, bool) {
	if text == "" {
		return nil, true
	}
	if text[0] != '/' {
		return nil, false
	}
	parts := strings.Split(text[1:], "/")
	for i, part := range parts {
		plain := strings.NewReplacer("~0", "", "~1", "").Replace(part)
		if strings.Contains(plain, "~") {
			return nil, false
		}
		parts[i] = strings.NewReplacer("~1", "/", "~0", "~").Replace(part)
	}
	return parts, true
}

// Find returns the text of the value at which p points in a JSON document, or nil where there is none. It does not
// look at what follows that value: see IsJSON. Of members with the same name the last one counts.
func (p Pointer) Find(document []byte) []byte {
	value := document
	for _, part := range p {
		if value = child(value, part); value == nil {
			return nil
		}
	}
	s := scanner{data: value}
	var t token
	if !s.value(&t) {
		return nil
	}
	return s.raw(&t)
}

// child returns the text of a member or an element of the value that a text begins with.
func child(text []byte, part string) (found []byte) {
	s := scanner{data: text}
	switch s.peek() {
	case '{':
		for name := range s.members {
			var t token
			if !s.value(&t) {
				return nil
			}
			if string(name) == part {
				found = s.raw(&t)
			}
		}
		return found
	case '[':
		n, err := strconv.Atoi(part)
		if err != nil || n < 0 || strconv.Itoa(n) != part {
			return nil
		}
		s.pos++
		for at := 0; s.element(at == 0); at++ {
			var t token
			if !s.value(&t) {
				return nil
			}
			if at == n {
				return s.raw(&t)
			}
		}
	}
	return nil
}

// IsJSON tells whether a text is one JSON value (RFC 8259) that is nested no deeper than maxDepth.
func IsJSON(text []byte, maxDepth int) bool { return checkJSON(text, maxDepth) == "" }

// JSONText returns the content of a JSON string, of which text is all.
func JSONText(text []byte) (content []byte, ok bool) {
	s := scanner{data: text}
	var t token
	if s.peek() != '"' || !s.quoted(&t) {
		return nil, false
	}
	return s.text(&t), true
}
