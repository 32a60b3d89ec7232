package feed

// compressedAtOnce is about how many bytes of frames are compressed while others wait for some of them.
const compressedAtOnce = 16 << 10

// maker makes forms of the records of a chunk.
type maker struct {
	compressor Compressor
	chunk      chunk // as it was
	first      int   // the first record
	forms      []form
	compressed []byte
	before     []byte // the text before the next record, as far as frames may repeat it; where they are made in order
	spent      int    // bytes of frames that were compressed
}

// compress makes the forms that the peer of a window needs of records from one on, at least of that if the ring still has
// it. Nobody else who reads the ring waits for this, save those who need forms that are still to be made.
func (r *ring) compress(at location, w Window) {
	if r.makeForms(at, w) {
		r.memory.makeRoom()
	}
}

func (r *ring) makeForms(at location, w Window) (made bool) {
	r.making.Lock()
	defer r.making.Unlock()
	c, lacks := r.lacking(at, &w)
	if !lacks {
		return false
	}
	m := &r.maker
	m.begin(r.memory.compressor, c, at.record)
	defer m.end()
	if w.inOrder {
		m.gather()
	}
	for record := at.record; record < len(c.ends) && m.spent < compressedAtOnce; record++ {
		if !m.make(record, &w) {
			break
		}
	}
	r.keep(at, m)
	return true
}

// lacking returns the chunk of a record as it is now, if the ring still has it and lacks what the peer of a window is given
// of the record: somebody else may have made it. What the chunk has does not change anymore, save for forms, which are
// changed only by who makes some. Of its index it has what these need.
func (r *ring) lacking(at location, w *Window) (c chunk, lacks bool) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	if at.chunk < r.first || at.chunk >= r.first+uint64(len(r.chunks)) {
		return chunk{}, false
	}
	there := &r.chunks[at.chunk-r.first]
	if !w.lacks(there, at.record) {
		return chunk{}, false
	}
	c = *there
	c.index = &index{text: c.text, ends: c.ends}
	return c, true
}

// keep adds what was made to the chunk, if the ring still has that.
func (r *ring) keep(at location, m *maker) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if at.chunk < r.first {
		return
	}
	grown := r.chunks[at.chunk-r.first].keep(at.record, m.forms, m.compressed)
	r.held += grown
	r.memory.charge(grown)
}

// begin begins with a record. What was made before is used again.
func (m *maker) begin(compressor Compressor, c chunk, record int) {
	*m = maker{compressor: compressor, chunk: c, first: record, forms: m.forms[:0], compressed: m.compressed[:0], before: m.before[:0]}
}

// end gives back what is not worth keeping.
func (m *maker) end() {
	m.chunk = chunk{}
	if cap(m.compressed) > 2*compressedAtOnce {
		m.compressed = nil
	}
}

// gather finds the text before the first record. It goes back no further than it is known what is part of it.
func (m *maker) gather() {
	first, found := m.first, 0
	for first > 0 && found < m.compressor.Reach() {
		f := m.chunk.form(first - 1)
		if f.state != isPlain && f.state != isText {
			break
		}
		first--
		if f.state == isText {
			found += int(f.text)
		}
	}
	for record := first; record < m.first; record++ {
		f := m.chunk.form(record)
		m.follow(record, &f)
	}
}

// follow adds a record to the text before the next one.
func (m *maker) follow(record int, f *form) {
	if f.state == isText {
		text, most := m.compressor.Text(m.chunk.frame(record)), m.compressor.Reach()
		text = text[max(0, len(text)-most):]
		kept := copy(m.before, m.before[max(0, len(m.before)+len(text)-most):])
		m.before = append(m.before[:kept], text...)
	}
}

// make makes what the peer of a window lacks of a record. It returns false if that is nothing.
func (m *maker) make(record int, w *Window) bool {
	f, lacked := m.chunk.form(record), false
	have := w.haveAt(&m.chunk, record)
	for {
		what := w.choose(&f, have)
		switch {
		case what == unknown:
			m.find(record, &f, w.inOrder)
		case what == alone && !f.alone.isMade():
			f.alone = m.compress(record, nil)
			f.isUseless = m.isLonger(record, f.alone)
		default:
			if lacked {
				m.forms = append(m.forms, f)
				m.follow(record, &f)
				w.pass(&m.chunk, record, &f, what)
			}
			return lacked
		}
		lacked = true
	}
}

// find finds out whether a frame is long enough to be compressed, and for who gets all frames whether it is part of the
// text: if what follows the text before it is shorter than the frame.
func (m *maker) find(record int, f *form, inOrder bool) {
	if f.state == isUnknown {
		f.text = int32(len(m.compressor.Text(m.chunk.frame(record))))
		if f.state = isMeasured; f.text == 0 {
			f.state = isPlain
		}
	}
	if f.state != isMeasured || !inOrder {
		return
	}
	made := m.compress(record, m.before)
	if m.isLonger(record, made) {
		m.compressed = m.compressed[:int(made.begin)-len(m.chunk.compressed)]
		f.state = isPlain
		return
	}
	f.state, f.following, f.before = isText, made, int32(len(m.before))
	if f.before == 0 && !f.alone.isMade() {
		f.alone = made
	}
}

// compress makes a form of a record.
func (m *maker) compress(record int, before []byte) piece {
	frame, begin := m.chunk.frame(record), len(m.chunk.compressed)+len(m.compressed)
	m.compressed = m.compressor.AppendCompressed(m.compressed, before, frame)
	m.spent += len(frame)
	return piece{int32(begin), int32(len(m.chunk.compressed) + len(m.compressed))}
}

// isLonger tells whether a form is at least as long as the frame.
func (m *maker) isLonger(record int, made piece) bool {
	return int(made.end-made.begin) >= len(m.chunk.frame(record))
}
