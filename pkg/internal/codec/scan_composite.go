package codec

import "math/bits"

const (
	noName  = "a member's name in quotes should be here"
	noColon = "a colon should be here"
)

// composite reads a whole array or object, at whose first character pos is, into t.
func (s *scanner) composite(t *token) bool {
	*t = token{start: s.pos, kind: kindArray}
	if s.data[s.pos] == '{' {
		t.kind = kindObject
	}
	end, deepest, ok := s.inside(s.pos)
	if !ok {
		return false
	}
	s.pos, t.end, t.tooDeep = end, end, deepest > s.maxDepth
	return true
}

// inside returns the end of the array or object that begins at i, and how deep what is in it is nested.
//
// It makes no tokens of what is in it: most values that are read so are only checked (BenchmarkCheckJSON).
func (s *scanner) inside(i int) (end, deepest int, ok bool) {
	var open nesting
	named := false // whether a member's name is next
	for {
		c := s.at(i)
		switch {
		case c == '"':
			i, ok = s.stringEnd(i)
		case named:
			return i, 0, s.failAt(i, noName)
		case c == '{' || c == '[':
			open.push(c)
			if i, ok = s.beyondSpace(i+1), true; s.at(i) != open.closer() {
				named = c == '{'
				continue
			}
		default:
			i, ok = s.scalarEnd(i, c)
		}
		switch {
		case !ok:
			return i, 0, false
		case named:
			if i, ok = s.colon(i); !ok {
				return i, 0, false
			}
			named = false
			continue
		case s.at(i) == ',': // mostly
			named, i = open.closer() == '}', s.beyondSpace(i+1)
			continue
		}
		if i, named, ok = s.ascend(i, &open); !ok || open.depth == 0 {
			return i, open.deepest, ok
		}
	}
}

// colon reads the colon that follows a name, and returns where the value begins.
func (s *scanner) colon(i int) (end int, ok bool) {
	if i = s.beyondSpace(i); s.at(i) != ':' {
		return i, s.failAt(i, noColon)
	}
	return s.beyondSpace(i + 1), true
}

// ascend reads from i ends of arrays and objects until none is open, or the comma before the next value. It returns whether
// that one has a name.
func (s *scanner) ascend(i int, open *nesting) (end int, named, ok bool) {
	for open.depth > 0 {
		i = s.beyondSpace(i)
		switch c, closer := s.at(i), open.closer(); c {
		case ',':
			return s.beyondSpace(i + 1), closer == '}', true
		case closer:
			i++
			open.pop()
		default:
			return i, false, s.failAt(i, "a comma or "+string(closer)+" should be here")
		}
	}
	return i, false, true
}

// beyondSpace returns where white space from i on ends.
func (s *scanner) beyondSpace(i int) int {
	if i < len(s.data) && s.data[i] > ' ' {
		return i
	}
	return s.spaceEnd(i)
}

// stringEnd returns the end of the string whose opening quote is at i.
func (s *scanner) stringEnd(i int) (end int, ok bool) {
	end = i + 1
	if end+8 <= len(s.data) { // most are short
		if found := special(s.data[end : end+8 : end+8]); found != 0 {
			end += bits.TrailingZeros64(found) / 8
		} else {
			end = plainEnd(s.data, end+8)
		}
	} else {
		end = plainEnd(s.data, end)
	}
	if end < len(s.data) && s.data[end] == '"' {
		return end + 1, true
	}
	var t token
	s.pos = i
	ok = s.quoted(&t)
	return s.pos, ok
}

// scalarEnd returns the end of the value that begins with c at i and is neither array, object nor string.
func (s *scanner) scalarEnd(i int, c byte) (end int, ok bool) {
	if c-'0' <= 9 || c == '-' {
		return s.numberEnd(i)
	}
	var t token
	s.pos = i
	ok = s.scalar(c, &t)
	return s.pos, ok
}

// members reads the object at whose { pos is. Before each member's value, which the body of the loop has to read, it yields
// the name. It ends at a fault, too.
func (s *scanner) members(yield func(name []byte) bool) {
	s.pos++
	for first := true; s.more(first, '}', "a comma or } should be here"); first = false {
		name, ok := s.name()
		if !ok || !yield(name) {
			return
		}
	}
}

// element reads up to the next element of an array, or its end. The array's [ has been read; first says that no element has.
// It returns false at the end, and at a fault.
func (s *scanner) element(first bool) bool {
	return s.more(first, ']', "a comma or ] should be here")
}

func (s *scanner) more(first bool, closer byte, fault string) bool {
	if s.fault != "" {
		return false
	}
	c := s.peek()
	if c == closer {
		s.pos++
		return false
	}
	if first {
		return true
	}
	if c != ',' {
		return s.fail(fault)
	}
	s.pos++
	return true
}

// name reads a member's name and the colon after it.
func (s *scanner) name() (name []byte, ok bool) {
	var t token
	if !s.nameAndColon(&t) {
		return nil, false
	}
	return s.text(&t), true
}

// nameAndColon reads a member's name into t, and the colon after it.
func (s *scanner) nameAndColon(t *token) bool {
	if s.peek() != '"' {
		return s.fail(noName)
	}
	if !s.quoted(t) {
		return false
	}
	if s.peek() != ':' {
		return s.fail(noColon)
	}
	s.pos++
	return true
}

// nesting remembers for each open level whether it is an array or an object.
type nesting struct {
	depth, deepest int
	near           uint64   // a bit each for the innermost ones, the lowest for the last, set for objects
	far            []uint64 // the words of those around them
}

func (n *nesting) push(opener byte) {
	if n.depth%64 == 0 && n.depth > 0 {
		n.far = append(n.far, n.near)
	}
	n.near <<= 1
	if opener == '{' {
		n.near |= 1
	}
	n.depth++
	n.deepest = max(n.deepest, n.depth)
}

func (n *nesting) pop() {
	n.near >>= 1
	n.depth--
	if n.depth%64 == 0 && n.depth > 0 {
		last := len(n.far) - 1
		n.near, n.far = n.far[last], n.far[:last]
	}
}

// closer returns the character that ends the innermost level.
func (n *nesting) closer() byte { return ']' + byte(n.near&1)*('}'-']') }
