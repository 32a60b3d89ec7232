package socket

// tailBatch is an array of records that is being written.
type tailBatch struct {
	open bool
	mark int // of its frame
}

// add adds a record. Where the array would become longer than the client takes, it begins another one.
func (b *tailBatch) add(f *tail, record []byte) {
	if b.open && f.options.Longest > 0 && len(f.dst)-b.mark-frameReserve+len(record)+len(",]") > f.options.Longest {
		b.end(f)
	}
	if b.open {
		f.dst = append(f.dst, ',')
	} else {
		f.dst, b.mark = beginFrame(f.dst)
		f.dst = append(f.dst, '[')
		b.open = true
	}
	f.dst = append(f.dst, record...)
}

// end ends the array, if one has begun.
func (b *tailBatch) end(f *tail) {
	if b.open {
		f.dst = endFrame(append(f.dst, ']'), b.mark, opText)
		b.open = false
	}
}
