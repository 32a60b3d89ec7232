package share

// lapsed are the records that a worker has lost lately: an acknowledgement on one of them comes too late.
type lapsed struct {
	most  int // records that are remembered
	known map[lapsedRecord]struct{}
	order []lapsedRecord // from the oldest on; some may be forgotten
}

type lapsedRecord struct {
	partition int32
	offset    int64
}

func lapsedOf(h *hold) lapsedRecord { return lapsedRecord{h.partition.id.partition, h.offset} }

func (l *lapsed) remember(h *hold) {
	if l.known == nil {
		l.known = make(map[lapsedRecord]struct{})
	}
	r := lapsedOf(h)
	l.known[r] = struct{}{}
	l.order = append(l.order, r)
	for len(l.order) > l.most {
		delete(l.known, l.order[0])
		l.order = append(l.order[:0], l.order[1:]...)
	}
}

// forget is called when a record is delivered to the worker again: an acknowledgement is about that delivery then.
func (l *lapsed) forget(h *hold) { delete(l.known, lapsedOf(h)) }

func (l *lapsed) has(partition int32, offset int64) bool {
	_, is := l.known[lapsedRecord{partition, offset}]
	return is
}
