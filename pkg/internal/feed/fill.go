package feed

import "slices"

// Fill has record called with frames of records, at most most, and control with those that tell gaps, while these
// return true. It returns how many records they were. Only the writer calls it. Afterwards Err may tell that the tail
// has ended.
func (t *Tail) Fill(most int, record, control func(frame []byte) (more bool)) (given int) {
	for {
		n, lacking := t.fill(most-given, record, control)
		if given += n; lacking == nil {
			return given
		}
		t.audience.ring.compress(*lacking, *t.window)
	}
}

// fill is Fill up to a record of the ring that must be compressed first.
func (t *Tail) fill(most int, record, control func(frame []byte) (more bool)) (given int, lacking *location) {
	t.mu.Lock()
	defer t.mu.Unlock()
	defer t.tellConflated(control)
	if given = t.fillNewest(&t.inherited, most, record, control); len(t.inherited) > 0 {
		return given, nil
	}
	t.tell(control)
	if given += t.fillNewest(&t.newest, most-given, record, control); len(t.newest) > 0 {
		return given, nil
	}
	for t.err == nil {
		if t.page != nil {
			given += t.fillPage(most-given, record, control)
		}
		if t.page != nil || !t.live {
			return given, nil
		}
		n, end := t.fillLive(most-given, record)
		given += n
		switch end {
		case goesOn, full:
			return given, nil
		case lacksForm:
			return given, &location{t.spot.chunk, t.spot.read}
		}
	}
	return given, nil
}

// fillNewest gives newest records, unless the tail has ended.
func (t *Tail) fillNewest(all *[]*snapshot, most int, record, control func(frame []byte) (more bool)) (given int) {
	for len(*all) > 0 && t.err == nil {
		n, done, later := (*all)[0].fill(most-given, record, control)
		if given += n; !done {
			if later {
				t.wake()
			}
			return given
		}
		*all = slices.Delete(*all, 0, 1) // what was given is not kept
	}
	return given
}

// tell tells gaps that come before the page and the ring.
func (t *Tail) tell(control func(frame []byte) (more bool)) {
	for _, frame := range t.told {
		control(frame)
	}
	t.told = nil
	if t.page == nil || len(t.page.controls) == 0 {
		t.before = nil
	}
}

// fillLive gives frames of the ring. The tail may not be live afterwards.
func (t *Tail) fillLive(most int, record func(frame []byte) (more bool)) (given int, end takeEnd) {
	end = dropped
	if t.isVoid {
		end = otherHistory
	} else if !t.queue.overflow {
		given, end = t.fillRing(most, record)
		t.conflated += t.spot.left
		t.spot.left = 0
	}
	switch end {
	case otherHistory:
		t.goBack()
	case dropped:
		t.fallBehind()
	}
	return given, end
}

func (t *Tail) fillRing(most int, record func(frame []byte) (more bool)) (given int, end takeEnd) {
	if t.queue.open {
		return t.fillQueue(most, record)
	}
	return t.audience.ring.read(&t.spot, most, t.window.forTail(true), record)
}

// fillQueue gives the records of the queue. Behind the last one it moves the spot to where all is known to be queued.
func (t *Tail) fillQueue(most int, record func(frame []byte) (more bool)) (given int, end takeEnd) {
	settled, window := t.audience.settled.Load(), t.window.forTail(t.selection.isAll()) // settled before the queue is known to be empty
	for t.queue.waits > 0 {
		if given == most {
			t.queue.fallBehind()
			return given, goesOn
		}
		at, left := t.queue.next()
		n, end := t.audience.ring.readAt(at, &t.spot, window, record)
		if end == dropped || end == otherHistory || end == lacksForm {
			return given, end
		}
		t.queue.given()
		t.conflated += left
		if given += n; end == full {
			if t.queue.waits > 0 {
				t.queue.fallBehind()
			}
			return given, full
		}
	}
	if t.spot.isBefore(settled) && !t.spot.jump(settled) {
		return given, otherHistory
	}
	return given, goesOn
}

// fillPage gives frames of the page.
func (t *Tail) fillPage(most int, record, control func(frame []byte) (more bool)) (given int) {
	p := t.page
	for _, frame := range p.controls {
		control(frame)
	}
	p.controls, t.before = nil, nil
	given, _ = t.spot.take(&p.chunk, most, nil, record)
	if t.spot.read == len(p.offsets) {
		t.page = nil
		t.taken <- struct{}{}
	}
	return given
}
