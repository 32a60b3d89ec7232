package feed

import "slices"

// test is what a condition asks of a value.
type test interface {
	passes(s scalar) bool
	onMissing() bool
}

// present is the test of all values that are there, in part of the others.
type present struct{}

func (present) onMissing() bool { return false }

type exists struct{ wanted bool }

func (e exists) passes(scalar) bool { return e.wanted }
func (e exists) onMissing() bool    { return !e.wanted }

type oneOf struct {
	present

	values []scalar
}

func (o oneOf) passes(s scalar) bool {
	return slices.ContainsFunc(o.values, s.equals)
}

type differs struct {
	present

	from scalar
}

func (d differs) passes(s scalar) bool { return !s.equals(d.from) }

// textual is prefix or contains.
type textual struct {
	present

	part string
	is   func(s, part string) bool
}

func (x textual) passes(s scalar) bool { return s.kind == aString && x.is(s.text, x.part) }

// order is gt, gte, lt or lte. In a header the number is spelled by the text.
type order struct {
	present

	than number
	is   func(compared int) bool
}

func (o order) passes(s scalar) bool { return s.number.is && o.is(s.number.compare(o.than)) }
