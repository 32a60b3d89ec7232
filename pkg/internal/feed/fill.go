package feed

// Fill has record called with frames of records, at most most, and control with those that tell gaps, while these
// return true. It returns how many records they were. Only the writer calls it. Afterwards Err may tell that the tail
// has ended.
func (t *Tail) Fill(most int, record, control func(frame []byte) (more bool)) (given int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, frame := range t.told {
		control(frame)
	}
	t.told = nil
	defer t.tellConflated(control)
	for t.snapshot != nil && t.err == nil {
		n, done := t.snapshot.fill(most-given, record, control)
		if given += n; !done {
			return given
		}
		t.snapshot = nil
		if len(t.further) > 0 {
			t.snapshot, t.further = t.further[0], t.further[1:]
		}
	}
	for t.err == nil {
		if t.page != nil {
			given += t.fillPage(most-given, record, control)
		}
		if t.page != nil || !t.live {
			return given
		}
		n, live := t.fillLive(most-given, record)
		if given += n; live {
			return given
		}
	}
	return given
}

// fillLive gives frames of the ring. It returns false if the tail is not live anymore.
func (t *Tail) fillLive(most int, record func(frame []byte) (more bool)) (given int, live bool) {
	end := dropped
	if t.isVoid {
		end = otherHistory
	} else if !t.queue.overflow {
		given, end = t.fillRing(most, record)
		t.conflated += t.spot.left
		t.spot.left = 0
	}
	switch end {
	case goesOn, full:
		return given, true
	case otherHistory:
		t.goBack()
	case dropped:
		t.fallBehind()
	}
	return given, false
}

func (t *Tail) fillRing(most int, record func(frame []byte) (more bool)) (given int, end takeEnd) {
	if t.queue.open {
		return t.fillQueue(most, record)
	}
	return t.audience.ring.read(&t.spot, most, record)
}

// fillQueue gives the records of the queue. Behind the last one it moves the spot to where all is known to be queued.
func (t *Tail) fillQueue(most int, record func(frame []byte) (more bool)) (given int, end takeEnd) {
	settled := t.audience.settled.Load() // before the queue is known to be empty
	for t.queue.waits > 0 {
		if given == most {
			t.queue.fallBehind()
			return given, goesOn
		}
		at, left := t.queue.next()
		n, end := t.audience.ring.readAt(at, &t.spot, record)
		if end == dropped || end == otherHistory {
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
	p.controls = nil
	given, _ = t.spot.take(&p.chunk, most, record)
	if t.spot.read == len(p.offsets) {
		t.page = nil
		t.taken <- struct{}{}
	}
	return given
}
