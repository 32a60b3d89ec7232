package feed

import (
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/codec"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// Filter is a tree of conditions that a record must meet. It is evaluated once a record, however many tails have it:
// filters with equal Texts are the same.
type Filter struct {
	root condition
	text string
}

// Text is the canonical text of the tree.
func (f *Filter) Text() string { return f.text }

// Matches tells whether a record meets the conditions.
func (f *Filter) Matches(r *proxy.Record) bool { return f.root.holds(&candidate{record: r}) }

// candidate is a record that is being looked at.
type candidate struct {
	record  *proxy.Record
	checked bool // whether isJSON is known
	isJSON  bool
}

// maxValueDepth bounds the nesting of values that conditions look into.
const maxValueDepth = 512

// document returns the value, or nil where it is no JSON.
func (c *candidate) document() []byte {
	if !c.checked {
		c.checked, c.isJSON = true, codec.IsJSON(c.record.Value, maxValueDepth)
	}
	if !c.isJSON {
		return nil
	}
	return c.record.Value
}

// condition is a node of the tree.
type condition interface{ holds(c *candidate) bool }

type (
	all  []condition
	some []condition
	not  struct{ condition }
)

func (a all) holds(c *candidate) bool {
	for _, each := range a {
		if !each.holds(c) {
			return false
		}
	}
	return true
}

func (s some) holds(c *candidate) bool {
	for _, each := range s {
		if each.holds(c) {
			return true
		}
	}
	return false
}

func (n not) holds(c *candidate) bool { return !n.condition.holds(c) }

// member looks at what a JSON pointer points at in the value. One that is missing meets exists:false alone, and a value
// that is no JSON meets nothing.
type member struct {
	pointer codec.Pointer
	test    test
}

func (m member) holds(c *candidate) bool {
	document := c.document()
	if document == nil {
		return false
	}
	found := m.pointer.Find(document)
	if found == nil {
		return m.test.onMissing()
	}
	return m.test.passes(scalarOf(found))
}

// header looks at the headers of a name, of which one must pass.
type header struct {
	name string
	test test
}

func (h header) holds(c *candidate) bool {
	missing := true
	for i := range c.record.Headers {
		if each := &c.record.Headers[i]; each.Key == h.name {
			missing = false
			if h.test.passes(scalarOfHeader(each.Value)) {
				return true
			}
		}
	}
	return missing && h.test.onMissing()
}
