package codec

// composite reads a whole array or object, at whose first character pos is, into t.
func (s *scanner) composite(t *token) bool {
	*t = token{start: s.pos, kind: kindArray}
	if s.data[s.pos] == '{' {
		t.kind = kindObject
	}
	var open nesting
	for {
		if !s.descend(&open) || !s.ascend(&open) {
			return false
		}
		if open.depth == 0 {
			t.end, t.tooDeep = s.pos, open.deepest > s.maxDepth
			return true
		}
	}
}

// descend reads the beginnings of nested arrays and objects down to a scalar, which it reads, too,
// or to the end of an empty array or object, which it does not read.
func (s *scanner) descend(open *nesting) bool {
	var t token
	for {
		switch c := s.peek(); c {
		case '{':
			open.push(true)
			s.pos++
			if s.peek() == '}' {
				return true
			}
			if !s.nameAndColon(&t) {
				return false
			}
		case '[':
			open.push(false)
			s.pos++
			if s.peek() == ']' {
				return true
			}
		default:
			return s.scalar(c, &t)
		}
	}
}

// ascend reads ends of arrays and objects until none is open, or until it has read the comma, or
// the member's name, before the next value.
func (s *scanner) ascend(open *nesting) bool {
	var t token
	for open.depth > 0 {
		inObject := open.inObject()
		switch c := s.peek(); {
		case c == ',':
			s.pos++
			return !inObject || s.nameAndColon(&t)
		case inObject && c == '}', !inObject && c == ']':
			s.pos++
			open.pop()
		case inObject:
			return s.fail("a comma or } should be here")
		default:
			return s.fail("a comma or ] should be here")
		}
	}
	return true
}

// member reads up to the value of an object's next member and returns its name. The
// object's { has been read; first says that no member has. ok is false at the end of the
// object, which it reads, and at a fault.
func (s *scanner) member(first bool) (name []byte, ok bool) {
	if !s.more(first, '}', "a comma or } should be here") {
		return nil, false
	}
	return s.name()
}

// element reads up to the next element of an array, as member does for objects.
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
		return s.fail("a member's name in quotes should be here")
	}
	if !s.quoted(t) {
		return false
	}
	if s.peek() != ':' {
		return s.fail("a colon should be here")
	}
	s.pos++
	return true
}

// nesting remembers for each open level whether it is an array or an object.
type nesting struct {
	depth, deepest int
	near           [4]uint64 // a bit each for the outermost ones, set for objects
	far            []uint64
}

func (n *nesting) push(object bool) {
	word, bit := n.depth/64, uint64(1)<<(n.depth%64)
	if word >= len(n.near)+len(n.far) {
		n.far = append(n.far, 0)
	}
	p := n.word(word)
	*p &^= bit
	if object {
		*p |= bit
	}
	n.depth++
	n.deepest = max(n.deepest, n.depth)
}

func (n *nesting) pop() { n.depth-- }

func (n *nesting) inObject() bool {
	top := n.depth - 1
	return *n.word(top / 64)>>(top%64)&1 == 1
}

func (n *nesting) word(i int) *uint64 {
	if i < len(n.near) {
		return &n.near[i]
	}
	return &n.far[i-len(n.near)]
}
