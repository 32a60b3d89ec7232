package client

const (
	// mostBatch and mostBatchBytes bound what is sent as one array: messages that have come while the last one was written.
	mostBatch, mostBatchBytes = 512, 64 << 10
)

// entry is a message that is unanswered.
type entry struct {
	frame    []byte
	answered func(Ack, error)
	sends    int // how often it was sent
}

// backlog holds the unanswered messages in their order: first those that were sent on this connection, by frames, then the others.
type backlog struct {
	entries   []entry // from head on
	head      int
	sent      int   // how many from head on were sent
	groups    []int // how many messages each frame has that was sent
	mostBytes int   // of a batch
	isAlone   bool  // whether each message is a frame of its own: Avro has no batches
}

func (b *backlog) len() int { return len(b.entries) - b.head }

func (b *backlog) all() []entry { return b.entries[b.head:] }

func (b *backlog) push(e entry) {
	if b.head > len(b.entries)/2 && b.head >= mostBatch {
		n := copy(b.entries, b.entries[b.head:])
		clear(b.entries[n:])
		b.entries, b.head = b.entries[:n], 0
	}
	b.entries = append(b.entries, e)
}

// next appends the next frame to dst, an array of messages that wait. There is none if all were sent. One message is an array, too: then
// an error frame that is no array is about the connection.
func (b *backlog) next(dst []byte) (frame []byte, ok bool) {
	waiting := b.entries[b.head+b.sent:]
	if len(waiting) == 0 {
		return dst, false
	}
	if b.isAlone {
		b.sent++
		waiting[0].sends++
		b.groups = append(b.groups, 1)
		return append(dst, waiting[0].frame...), true
	}
	n, size := 1, len(waiting[0].frame)
	for n < min(len(waiting), mostBatch) && size+len(waiting[n].frame)+2 <= b.mostBytes {
		size += len(waiting[n].frame) + 1
		n++
	}
	b.sent += n
	b.groups = append(b.groups, n)
	for i := range n {
		waiting[i].sends++
		separator := byte(',')
		if i == 0 {
			separator = '['
		}
		dst = append(append(dst, separator), waiting[i].frame...)
	}
	return append(dst, ']'), true
}

// awaits tells whether the oldest frame that was sent has n messages.
func (b *backlog) awaits(n int) bool { return len(b.groups) > 0 && b.groups[0] == n }

// pop removes the messages of the oldest frame that was sent.
func (b *backlog) pop() []entry {
	n := b.groups[0]
	b.groups = b.groups[1:]
	group := make([]entry, n)
	copy(group, b.entries[b.head:])
	clear(b.entries[b.head : b.head+n])
	b.head += n
	b.sent -= n
	return group
}

// again has everything sent again, on a new connection.
func (b *backlog) again() { b.sent, b.groups = 0, nil }

// shrink makes the longest frame that was sent shorter: batches are to have half of its bytes at most, or the message is taken out if it is
// alone. ok is false where nothing was sent.
func (b *backlog) shrink() (failed entry, ok bool) {
	at, longest, where, messages := b.head, 0, 0, 0
	for _, n := range b.groups {
		size := 0
		for _, e := range b.entries[at : at+n] {
			size += len(e.frame) + 1
		}
		if size > longest {
			longest, where, messages = size, at, n
		}
		at += n
	}
	switch messages {
	case 0:
		return entry{}, false
	case 1:
		failed = b.entries[where]
		b.entries = append(b.entries[:where], b.entries[where+1:]...)
		b.again()
	default:
		b.mostBytes = longest / 2
	}
	return failed, true
}
