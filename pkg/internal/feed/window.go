package feed

// Window knows which text of rings a peer has been sent compressed without interruption: what it is sent compressed may
// repeat that. All tails of a connection share one, and only its writer uses it. The zero value, and nil, are those of a
// peer that is sent nothing compressed.
type Window struct {
	size  int  // how far back a compressed frame may repeat, in bytes; 0 where nothing is sent compressed
	keeps bool // whether a frame may repeat those before it

	// Of the tail that is being filled.
	inOrder bool // whether it is given all of its ring, and the peer keeps that

	// The peer was given have bytes of the text of a chunk, up to the record next.
	text uint64
	next int
	have int
}

// Open has frames sent compressed to a peer that can be told to repeat what lies so many bytes back, of the same frame
// alone where it does not keep those before. It is called before anything is sent.
func (w *Window) Open(size int, keeps bool) { w.size, w.keeps = size, keeps }

// forTail prepares the window for a tail that is given all of a ring, or is not. It returns nil where the peer is sent
// nothing compressed.
func (w *Window) forTail(all bool) *Window {
	if w == nil || w.size == 0 {
		return nil
	}
	w.inOrder = all && w.keeps
	return w
}

// choice is which form of a frame a peer is given.
type choice uint8

const (
	plain     choice = iota
	following        // which may repeat what the peer has
	alone            // which repeats nothing but itself
	unknown          // it must be found out first
)

// give returns the form of a record that the peer is given next. It returns false where that is still to be made.
func (w *Window) give(c *chunk, record int) (frame []byte, isMade bool) {
	if w == nil {
		return c.frame(record), true
	}
	f := c.form(record)
	what := w.choose(&f, w.haveAt(c, record))
	if f.lacks(what) {
		return nil, false
	}
	w.pass(c, record, &f, what)
	switch what {
	case following:
		return c.compressed[f.following.begin:f.following.end], true
	case alone:
		return c.compressed[f.alone.begin:f.alone.end], true
	}
	return c.frame(record), true
}

// lacks tells whether the form of a record that the peer is given next is still to be made.
func (w *Window) lacks(c *chunk, record int) bool {
	f := c.form(record)
	return f.lacks(w.choose(&f, w.haveAt(c, record)))
}

// haveAt returns how many bytes of the text of a chunk before a record the peer has without interruption.
func (w *Window) haveAt(c *chunk, record int) int {
	if w.text != c.text || w.next != record {
		return 0
	}
	return w.have
}

// choose chooses a form for a peer that has so much of the text before it. What is part of the text is sent compressed to
// those who get all of it, even where it becomes a little longer: else their next frames could not follow it.
func (w *Window) choose(f *form, have int) choice {
	text, before := int(f.text), int(f.before)
	switch {
	case f.state == isPlain:
		return plain
	case f.state == isUnknown, w.inOrder && f.state != isText:
		return unknown
	case w.inOrder && have >= before && before+text <= w.size:
		return following
	case text > w.size, !w.inOrder && f.isUseless:
		return plain
	}
	return alone
}

// pass notes that the peer is given a form of a record.
func (w *Window) pass(c *chunk, record int, f *form, what choice) {
	have := w.haveAt(c, record)
	switch {
	case !w.inOrder || what == plain && f.state == isText:
		have = 0
	case f.state == isText:
		have += int(f.text)
	}
	w.text, w.next, w.have = c.text, record+1, have
}
